#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""SSH keys on a rented instance, through vastagent."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: vastagent_key
short_description: SSH keys on a rented instance, through vastagent
version_added: "0.1.0"
description:
  - Lets SSH keys in, or takes them away, through the agent C(vastagent) on the instance, which
    keeps them in C(authorized_keys) also when the platform rewrites that file, and keeps out the
    ones that were removed.
  - A key is what it says, not how it is written. The same key with another comment or in another
    form (PEM, PuTTY, RFC 4716) is the same key.
options:
  state:
    description:
      - Whether the keys are to be let in, or gone.
      - A key that is gone is gone from every account of the instance, if root removes it.
    type: str
    choices: [present, absent]
    default: present
  key:
    description:
      - One or several public keys, as one text or as a list of texts. Each may have several lines,
        as C(https://github.com/NAME.keys) has.
      - If one is bad, none is added.
      - The result does not show it, since a private key that was pasted by mistake must not be in
        a log. vastagent refuses those.
    type: raw
  fingerprint:
    description:
      - With I(state=absent), the keys that go, as C(vastagent keys) shows them (C(SHA256:...)).
    type: list
    elements: str
  name:
    description:
      - Who the keys belong to, one word. A person may have several keys.
      - With I(state=absent), and neither I(key) nor I(fingerprint), all keys of that name go; if
        there are none, the one key that has it as its comment.
    type: str
  user:
    description:
      - The account that the keys let in. Without it, the one that the task runs as.
    type: str
  exclusive:
    description:
      - Make the keys of I(name) exactly these (C(vastagent sync)). Keys of other names, and lines
        that vastagent did not write, stay.
    type: bool
    default: false
  for:
    description:
      - Let the keys in for that long, as C(90s), C(10m), C(8h) or C(2d). sshd itself ends it.
      - It counts from when the key is added. A key that is there, and whose end is no later than
        that, is left as it is, so that the next run changes nothing. To prolong it, use I(until).
    type: str
  until:
    description:
      - Let the keys in until that time, as C(2026-12-31T18:00) or C(2026-12-31), local time of
        the instance, or UTC with a C(Z) behind it.
    type: str
  from:
    description:
      - Only from these addresses and networks.
    type: list
    elements: str
  options:
    description:
      - Options of sshd(8) before the keys, as C(restrict,pty).
    type: str
  foreign:
    description:
      - With I(state=absent), also remove lines that vastagent did not write. The platform may
        write them back.
      - Without it such a line is named, and the task fails, since the key still gets in.
    type: bool
    default: false
  force:
    description:
      - With I(state=present), add a key although another line with other options lets it in all
        the same, and C(cert-authority) lines.
      - With I(state=absent), remove even the last key that lets anybody log in.
    type: bool
    default: false
attributes:
  check_mode:
    description: Says what would change; where vastagent is not installed yet, that all would.
    support: full
  diff_mode:
    description: The keys of the account, one a line, before and after.
    support: full
notes:
  - The agent is started if it does not run (as root), also in check mode.
  - Where the file cannot be written, for a disk that is full, the task fails, but the keys are
    kept and get in as soon as it can be; see I(pending) in the result. Running it again tells.
  - Needs Python 3.6 or later on the instance. For an instance without Python see ClusterShell in
    C(packaging/fleet).
author:
  - The authors of vastagent (!UNKNOWN)
"""

EXAMPLES = r"""
- name: A teammate gets in, everywhere
  vastagent.fleet.vastagent_key:
    name: mate
    key: "{{ lookup('file', 'mate.pub') }}"

- name: These are her keys, and no others are
  vastagent.fleet.vastagent_key:
    name: mate
    key: "{{ lookup('url', 'https://github.com/mate.keys', split_lines=false) }}"
    exclusive: true

- name: For today, from the office
  vastagent.fleet.vastagent_key:
    name: guest
    key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA1dKlGwX0bLR7YjZGmDEDTwXlYVtpoYPFYCRV7qXQ3W guest
    for: 8h
    from: [192.0.2.0/24]
    options: no-port-forwarding

- name: She has left
  vastagent.fleet.vastagent_key:
    name: mate
    state: absent
"""

RETURN = r"""
user:
  description: The account.
  returned: when vastagent is there
  type: str
  sample: root
file:
  description: The file that sshd reads for it.
  returned: when vastagent is there
  type: str
  sample: /root/.ssh/authorized_keys
added:
  description: Fingerprints of the keys that are new, or have a new name, end or new options.
  returned: when vastagent is there
  type: list
  elements: str
  sample: ["SHA256:DjiAyskwZF15tJuEeaMpH72n1VuvGJtT2MJmX7bcatU"]
existing:
  description: Fingerprints of the keys that were there already.
  returned: when vastagent is there
  type: list
  elements: str
removed:
  description: Fingerprints of the keys that are gone.
  returned: when vastagent is there
  type: list
  elements: str
pending:
  description: Fingerprints of the keys that are kept, but could not be written into the file.
  returned: when vastagent is there
  type: list
  elements: str
left:
  description: Fingerprints of removed keys that a line that vastagent did not write still lets in.
  returned: when vastagent is there
  type: list
  elements: str
notes:
  description: What vastagent had to say, in sentences.
  returned: when vastagent is there
  type: list
  elements: str
sessions:
  description: Processes of SSH sessions that are open with a removed key; they stay open.
  returned: when keys were removed
  type: list
  elements: int
code:
  description: The kind of failure, as in vastagent-api(7).
  returned: on failure
  type: str
  sample: cannot_write
rc:
  description: The status that vastagent ended with.
  returned: on failure
  type: int
  sample: 73
"""

import calendar
import json
import re
import time

from ansible.module_utils.basic import AnsibleModule

INSTALL = ("vastagent is not installed here; the role vastagent.fleet.vastagent does that, "
           "or: vastagent onstart")

# The exit statuses of vastagent(1), in words.
STATUSES = {
    64: "that cannot be asked for",
    65: "the key is not taken",
    67: "there is no such account",
    69: "the agent does not answer",
    73: "the keys cannot be written",
    75: "not wholly done",
    77: "not permitted",
    78: "the agent's configuration is wrong",
}

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Failure(Exception):
    """A command of vastagent's that failed: its status, its code, and why in words."""

    def __init__(self, status, code, message):
        super(Failure, self).__init__(message)
        self.status = status
        self.code = code

    def explain(self):
        words = STATUSES.get(self.status)
        return "%s: %s" % (words, self) if words else str(self)


class Vastagent(object):
    """The commands of vastagent, for one account."""

    def __init__(self, module, program):
        self.module = module
        self.program = program
        self.user = module.params["user"]
        self.notes = []

    def ask(self, command, arguments=(), text=None):
        """Runs it and returns its answer. Keys go by standard input: arguments are logged."""
        user = ["--user", self.user] if self.user else []
        line = [self.program, command, "--json"] + user + list(arguments)
        status, out, err = self.module.run_command(
            line + (["-"] if text is not None else []), data=text)
        said = [re.sub("^vastagent: ", "", part) for part in err.splitlines()]
        try:
            answer = json.loads(out) if out.strip() else {}
        except ValueError:
            raise Failure(status, "internal", "%s gave no JSON: %s" % (command, " ".join(said)))
        # "removed" with a status is a removal that is not whole: the rows show what is left.
        if status and "removed" not in answer:
            raise self.failure(status, answer, said)
        self.notes = (answer.get("notes") or []) + said
        return answer

    def failure(self, status, answer, said):
        error = answer.get("error") or {}
        rejected = ["line %s: %s" % (one["line"], one["reason"])
                    for one in answer.get("rejected") or []]
        message = "; ".join(rejected) or error.get("message") or "; ".join(said)
        return Failure(status, error.get("code") or "not_complete", message)

    def rows(self):
        """The account, and the keys that get in, or are meant to."""
        answer = self.ask("keys")
        return answer, [row for row in answer["keys"]
                        if row["fingerprint"] and row["state"] != "removed"]


def text_of(value):
    """The keys as one text, one a line."""
    parts = value if isinstance(value, list) else [value]
    return "\n".join(str(part).rstrip("\n") for part in parts) + "\n"


def seconds_of(duration):
    match = re.match(r"^([0-9]+)([smhd])$", duration)
    return int(match.group(1)) * UNITS[match.group(2)] if match else None


def limits(params):
    """The arguments of addkey that say who, from where and how."""
    arguments = []
    for option in ("name", "until", "for", "options"):
        if params[option]:
            arguments += ["--" + option, params[option]]
    if params["from"]:
        arguments += ["--from", ",".join(params["from"])]
    return arguments + (["--force"] if params["force"] else [])


def fingerprints(rows):
    return [row["fingerprint"] for row in rows or []]


def common_end(rows, wanted, latest):
    """The end that all wanted keys have, if it is one, is to come, and is no later."""
    ends = set(row["expires"] for row in rows
               if row["fingerprint"] in wanted and row["source"] == "instance")
    if len(ends) != 1 or None in ends:
        return None
    end = ends.pop()
    left = calendar.timegm(time.strptime(end, "%Y-%m-%dT%H:%M:%SZ")) - time.time()
    return end if 0 < left <= latest else None


def plan_addition(agent, params, rows, text):
    """What adding would do, and the arguments to do it with."""
    plan = agent.ask("addkey", ["--dry-run"] + limits(params), text)
    latest = seconds_of(params["for"] or "")
    end = common_end(rows, fingerprints(plan["added"]), latest) if latest else None
    if end:
        kept = dict(params, until=end)
        kept["for"] = None
        again = agent.ask("addkey", ["--dry-run"] + limits(kept), text)
        # With the end that they have, nothing is new: it is the same addition as before.
        if not again["added"]:
            return again, limits(kept)
    return plan, limits(params)


def look(rows, fingerprint):
    """What is compared of a key, before and after."""
    return sorted((row["name"], row["options"], row["expires"] or "", row["state"],
                   row["source"], row["pinned"])
                  for row in rows if row["fingerprint"] == fingerprint)


def is_altered(before, after, fingerprint):
    """Whether a key is new, or has another name, options or end."""
    def kept(rows):
        return [one[:3] for one in look(rows, fingerprint)]
    return kept(before) != kept(after)


def describe(rows):
    """The keys, one a line, for --diff."""
    lines = []
    for row in rows:
        kind = "%s, kept" % row["source"] if row["pinned"] else row["source"]
        parts = [row["state"], row["fingerprint"], row["name"] or row["comment"], row["options"],
                 "(%s)" % kind]
        lines.append(" ".join(part for part in parts if part) + "\n")
    return "".join(lines)


def foresee_addition(params, rows, plan, notes):
    """The rows as they would be, for check mode."""
    added = fingerprints(plan["added"])
    options = ['from="%s"' % ",".join(params["from"])] if params["from"] else []
    options += [params["options"]] if params["options"] else []
    end = params["until"] or params["for"]
    options += ["until %s" % end] if end else []
    kept = [dict(row, pinned=row["pinned"] or is_to_be_kept(row, notes)) for row in rows
            if row["fingerprint"] not in added or row["source"] == "foreign"]
    return kept + [dict(fingerprint=row["fingerprint"], comment=row["comment"], pinned=False,
                        name=params["name"] or "", source="instance", state="active",
                        expires=end, options=",".join(options))
                   for row in plan["added"]]


def is_to_be_kept(row, notes):
    """Whether the agent said that it will keep a key that somebody else's line holds."""
    return row["source"] == "foreign" and any(
        note.startswith(row["fingerprint"]) and "will be kept" in note for note in notes)


def add(agent, module, rows, result):
    params = module.params
    text = text_of(params["key"])
    plan, arguments = plan_addition(agent, params, rows, text)
    notes = agent.notes
    wanted = fingerprints(plan["added"]) + fingerprints(plan["existing"])
    surplus = [row["fingerprint"] for row in rows if params["exclusive"]
               and row["name"] == params["name"] and row["fingerprint"] not in wanted]
    result["concerned"], result["going"] = wanted + surplus, surplus
    if module.check_mode:
        result["notes"] = notes
        return [row for row in foresee_addition(params, rows, plan, notes)
                if row["fingerprint"] not in surplus or row["source"] == "foreign"]
    try:
        agent.ask("sync" if params["exclusive"] else "addkey", arguments, text)
        result["notes"] = agent.notes
    except Failure as failure:
        result["failure"] = failure
    return agent.rows()[1]


def chosen(agent, params, rows):
    """The fingerprints of the keys that are to go."""
    given = params["fingerprint"] or []
    if params["key"] is not None:
        plan = agent.ask("addkey", ["--dry-run", "--force"], text_of(params["key"]))
        given = given + fingerprints(plan["added"]) + fingerprints(plan["existing"])
    if given:
        return [one for one in given if one in fingerprints(rows)]
    named = [row for row in rows if row["name"] == params["name"]]
    if named:
        return sorted(set(fingerprints(named)))
    found = sorted(set(row["fingerprint"] for row in rows if row["comment"] == params["name"]))
    if len(found) > 1:
        raise Failure(64, "ambiguous", "'%s' is the comment of several keys; say which by "
                      "fingerprint: %s" % (params["name"], " ".join(found)))
    return found


def remove(agent, module, rows, result):
    params = module.params
    going = chosen(agent, params, rows)
    result["concerned"] = result["going"] = going
    if not going:
        return rows
    if module.check_mode:
        return [row for row in rows if row["fingerprint"] not in going
                or (row["source"] == "foreign" and not params["foreign"])]
    arguments = ["--" + option for option in ("foreign", "force") if params[option]]
    try:
        answer = agent.ask("rmkey", arguments + going)
        result["notes"] = agent.notes
        result["sessions"] = answer.get("sessions") or []
    except Failure as failure:
        result["failure"] = failure
    return agent.rows()[1]


def summarize(module, result, before, after):
    """What became of each key that this was about."""
    concerned, going = result.pop("concerned"), result.pop("going")
    had, has = fingerprints(before), fingerprints(after)
    result["removed"] = [one for one in concerned if one in had and one not in has]
    result["left"] = [one for one in going if one in has]
    result["added"] = [one for one in concerned if one in has and one not in going
                       and is_altered(before, after, one)]
    result["existing"] = [one for one in concerned if one in had and one in has
                          and one not in result["added"] + going]
    result["pending"] = sorted(set(row["fingerprint"] for row in after
                                   if row["fingerprint"] in concerned and row["state"] == "pending"))
    result["changed"] = any(look(before, one) != look(after, one) for one in concerned)
    result["diff"] = {"before": describe(before), "after": describe(after),
                      "before_header": result["file"], "after_header": result["file"]}


def explain(result, failure):
    """Ends with the keys that are kept all the same."""
    message = failure.explain()
    if result["pending"]:
        message += "; pending: %s" % " ".join(result["pending"])
    return message


def still_in(result):
    return Failure(75, "not_complete", "a line of %s that vastagent did not write still lets in %s; "
                   "foreign: true removes it, too" % (result["file"], " ".join(result["left"])))


def main():
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            # Public keys are no secret, but somebody pastes the private one.
            "key": {"type": "raw", "no_log": True},
            "fingerprint": {"type": "list", "elements": "str"},
            "name": {"type": "str"},
            "user": {"type": "str"},
            "exclusive": {"type": "bool", "default": False},
            "for": {"type": "str"},
            "until": {"type": "str"},
            "from": {"type": "list", "elements": "str"},
            "options": {"type": "str"},
            "foreign": {"type": "bool", "default": False},
            "force": {"type": "bool", "default": False},
        },
        mutually_exclusive=[("for", "until")],
        required_if=[("state", "present", ("key",)), ("state", "absent", ("key", "fingerprint", "name"), True),
                     ("exclusive", True, ("name",))],
        supports_check_mode=True,
    )
    params = module.params
    for option in ("for", "until", "from", "options"):
        if params["exclusive"] and params[option]:
            module.fail_json(msg="exclusive and %s do not go together" % option)
    if params["exclusive"] and params["state"] == "absent":
        module.fail_json(msg="exclusive and state: absent do not go together")
    program = module.get_bin_path("vastagent", opt_dirs=["/usr/local/bin", "/usr/bin"])
    if not program and module.check_mode:
        module.exit_json(changed=params["state"] == "present", msg=INSTALL)
    if not program:
        module.fail_json(msg=INSTALL)
    agent = Vastagent(module, program)
    result = {"notes": []}
    try:
        account, before = agent.rows()
        result.update(user=account["user"], file=account["file"])
        act = add if params["state"] == "present" else remove
        after = act(agent, module, before, result)
    except Failure as failure:
        module.fail_json(msg=failure.explain(), rc=failure.status, code=failure.code)
    summarize(module, result, before, after)
    failure = result.pop("failure", None)
    if not failure and result["left"]:
        failure = still_in(result)
    if failure:
        module.fail_json(msg=explain(result, failure), rc=failure.status, code=failure.code, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
