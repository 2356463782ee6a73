"""paramiko_client.py exec | sftp | shell TERM | attach TERM: one session with paramiko."""
import os
import sys
import time

import paramiko


def connect():
    account, host = os.environ["TARGET"].split("@")
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(host, username=account, key_filename="/root/.ssh/id_ed25519",
                   allow_agent=False, look_for_keys=False, timeout=10)
    return client


def run_command(client):
    _, out, err = client.exec_command('printf "a  b"; echo oops >&2; exit 42', timeout=10)
    sys.stdout.write(out.read().decode() + err.read().decode())
    return out.channel.recv_exit_status()


def carry_file(client):
    name = "got/" + os.environ["ROW"]
    sftp = client.open_sftp()
    sftp.put("/root/blob", name)
    sftp.get(name, "back")
    with open("back", "rb") as back, open("/root/blob", "rb") as blob:
        print("same" if back.read() == blob.read() else "different")
    return 0


def read_until(channel, mark):
    seen = b""
    deadline = time.monotonic() + 10
    channel.settimeout(0.2)
    while mark not in seen and time.monotonic() < deadline:
        try:
            data = channel.recv(4096)
        except OSError:
            continue
        if not data:
            break
        seen += data
    return seen.decode(errors="replace")


def talk_to_shell(client, term):
    """Types two lines; the mark is computed there, so that an echo is no answer."""
    channel = client.invoke_shell(term=term)
    channel.send("vastagent login --explain\n")
    channel.send('echo "e[$TMUX]$((40 + 2))"; exit 5\n')
    sys.stdout.write(read_until(channel, b"]42"))
    return channel.recv_exit_status()


def leave_tmux(client, term):
    channel = client.invoke_shell(term=term)
    print("attached" if "[ssh_tmux" in read_until(channel, b"[ssh_tmux") else "plain")
    channel.send("tmux kill-server\n")
    read_until(channel, b"plain shell")
    channel.send("exit 5\n")
    return channel.recv_exit_status()


with connect() as session:
    if sys.argv[1] == "exec":
        status = run_command(session)
    elif sys.argv[1] == "sftp":
        status = carry_file(session)
    elif sys.argv[1] == "attach":
        status = leave_tmux(session, sys.argv[2])
    else:
        status = talk_to_shell(session, sys.argv[2])
sys.exit(status)
