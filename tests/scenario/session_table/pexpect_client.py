"""One session with pexpect, the way a script drives a person's terminal."""
import os
import sys

import pexpect

ssh = pexpect.spawn("ssh", [os.environ["TARGET"]], timeout=10, dimensions=(24, 80),
                    env={**os.environ, "TERM": "xterm-256color"})
ssh.expect_exact("[ssh_tmux")
print("attached")
ssh.sendline("tmux kill-server")
ssh.expect_exact("this is a plain shell")
ssh.sendline("exit 5")
ssh.expect(pexpect.EOF)
ssh.close()
sys.exit(ssh.exitstatus)
