#!/usr/bin/env python3
"""What google-guest-agent asks: the metadata server of its platform, on 169.254.169.254:80, with one
account's key in the project. As the real one, it answers at once what has changed since last_etag,
and lets a request for what has not hang for its timeout_sec.

metadata.py KEY FILE: for each request that hangs, FILE gets a byte: by then the agent is ready."""
import http.server, json, sys, time, urllib.parse

key, told = sys.argv[1:3]
METADATA = {
    'instance': {'id': 1, 'name': 'one', 'attributes': {}, 'networkInterfaces': [],
                 'virtualClock': {'driftToken': '0'}, 'zone': 'projects/1/zones/z'},
    'project': {'attributes': {'ssh-keys': 'mate:' + key}, 'projectId': 'p', 'numericProjectId': 1},
}

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        if asked.get('wait_for_change') == 'true' and asked.get('last_etag') == 'etag1':
            with open(told, 'ab') as file:
                file.write(b'.')
            time.sleep(float(asked.get('timeout_sec', 60)))
        body = json.dumps(METADATA).encode()
        self.send_response(200)
        for name, value in (('Metadata-Flavor', 'Google'), ('ETag', 'etag1'),
                            ('Content-Type', 'application/json'), ('Content-Length', len(body))):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_GET

    def log_message(self, *arguments):
        sys.stderr.write('%s %s\n' % (self.command, self.path))

http.server.ThreadingHTTPServer.daemon_threads = True
http.server.ThreadingHTTPServer(('169.254.169.254', 80), Handler).serve_forever()
