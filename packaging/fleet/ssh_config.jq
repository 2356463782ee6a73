# vastai show instances --raw | jq -rf ssh_config.jq >~/.ssh/vast
#
# A block of ssh_config(5) for each instance that runs, called vast-ID, and its label as a comment.
# Where no port leads to its sshd directly, through the platform's proxy, whose port for the Jupyter
# launch modes is one more than the API says.
.[] | select(.actual_status == "running")
| (.ports["22/tcp"][0].HostPort // null) as $direct
| "Host vast-\(.id)",
  "\t# label: \(.label // "" | gsub("[^A-Za-z0-9._-]"; "_"))",
  if $direct then "\tHostName \(.public_ipaddr | gsub("\\s"; ""))", "\tPort \($direct)"
  else "\tHostName \(.ssh_host)",
    "\tPort \(.ssh_port + if (.image_runtype // "" | contains("jupyter")) then 1 else 0 end)" end,
  "\tUser root",
  "\tStrictHostKeyChecking accept-new"
