"""`completion bash|zsh|fish`: what a shell needs to complete our verbs and live operands.

Each script calls `viscript --complete LINE CURSOR`, which prints one candidate a line with its meaning
behind a tab.
"""

from viscript.local.client import Client
from viscript.verbs.table import Call, Outcome

_BASH = r"""# viscript completion for bash: source <(viscript completion bash)
_viscript() {
    local line="${COMP_LINE#* }" cursor
    cursor=$(( COMP_POINT - ${#COMP_LINE} + ${#line} ))
    (( cursor < 0 )) && return
    COMPREPLY=()
    local candidate
    while IFS=$'\t' read -r candidate _; do
        [[ $candidate == "${COMP_WORDS[COMP_CWORD]}"* ]] && COMPREPLY+=("$candidate")
    done < <(viscript --complete "$line" "$cursor" 2>/dev/null)
}
complete -o default -F _viscript viscript
"""

_ZSH = r"""#compdef viscript
# viscript completion for zsh: source <(viscript completion zsh)
_viscript() {
    local line="${BUFFER#* }" candidate meaning
    local -a candidates
    while IFS=$'\t' read -r candidate meaning; do
        candidates+=("${candidate//:/\\:}:${meaning}")
    done < <(viscript --complete "$line" "$(( CURSOR - ${#BUFFER} + ${#line} ))" 2>/dev/null)
    _describe 'viscript' candidates || _files
}
compdef _viscript viscript
"""

_FISH = r"""# viscript completion for fish: viscript completion fish | source
function __viscript
    set -l line (commandline -cp | string replace -r '^\s*\S+\s' '')
    viscript --complete "$line" 2>/dev/null
end
complete -c viscript -f -a '(__viscript)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def answer(client: Client, call: Call) -> Outcome:
    """The script of one shell."""
    return Outcome(text=SCRIPTS[call.args["shell"]].rstrip("\n"))
