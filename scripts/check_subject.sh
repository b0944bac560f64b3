#!/usr/bin/env bash
# Check the subject of a commit message, given as a file: at most 72 characters, no period at its end, a blank line behind it.
set -euo pipefail

subject=$(sed -n 1p "$1")
second=$(sed -n 2p "$1")

refuse() {
  printf 'error: the subject "%s" %s\n' "$subject" "$1" >&2
  exit 1
}

[[ $subject ]] || refuse "is empty; expected what the commit does, in the imperative"
[[ $subject == fixup!* || $subject == squash!* || $subject == Merge* || $subject == Revert* ]] && exit 0
((${#subject} <= 72)) || refuse "has ${#subject} characters; expected 72 at most. Reasons and figures go into the body"
[[ $subject == *. ]] && refuse "ends with a period; expected none"
[[ $subject =~ ^[[:upper:]] ]] || refuse "begins with no capital letter; expected an imperative such as Add, Bound, Show"
[[ -z $second || $second == "#"* ]] || refuse "has no blank line behind it"
