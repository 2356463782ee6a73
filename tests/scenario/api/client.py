"""Requests to the agent's socket, as any uid: what the programs beside this one share."""
import http.client, json, os, socket

SOCKET = '/run/vastagent/agent.sock'


def connect(timeout=30):
    link = socket.socket(socket.AF_UNIX)
    link.connect(SOCKET)        # waits while too many others do
    link.settimeout(timeout)
    return link


class Connection(http.client.HTTPConnection):
    def __init__(self, timeout=30):
        super().__init__('localhost', timeout=timeout)

    def connect(self):
        self.sock = connect(self.timeout)


def ask(method, path, body=None, headers=None):
    """Returns the status and the body, as JSON if it is that."""
    link = Connection()
    sent = dict(headers or {})
    if method == 'POST':
        sent.setdefault('Content-Type', 'application/json')
        body = json.dumps({} if body is None else body) if not isinstance(body, (str, bytes)) else body
    link.request(method, path, body, sent)
    answer = link.getresponse()
    text = answer.read()
    link.close()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, text.decode(errors='replace')


def as_uid(uid, function, *arguments):
    """Runs the function in a child of that uid (and gid), and returns what it returns."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            if uid:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
            os.write(write, json.dumps(function(*arguments)).encode())
            os._exit(0)
        except BaseException as problem:
            print('as uid %d: %r' % (uid, problem), flush=True)
            os._exit(1)
    os.close(write)
    text = b''
    while part := os.read(read, 65536):
        text += part
    os.close(read)
    os.waitpid(pid, 0)
    return json.loads(text)
