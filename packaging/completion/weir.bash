# bash completion for weir(8)
_weir_peers() { # of the weir that the line is about
    weir ctl list --json "${place[@]}" 2>/dev/null | grep -o '"peer":"[^"]*"' | cut -d'"' -f4
}

_weir() {
    local cur prev command='' verb='' word i
    local -a place=()
    COMPREPLY=()
    cur=${COMP_WORDS[COMP_CWORD]}
    prev=${COMP_WORDS[COMP_CWORD - 1]}
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
            ctl | reload | upgrade | diff | top | explain | manual | convert | init) [ -n "$command" ] && verb=$word || command=$word ;;
            list | status | metrics | drain | up | down | weight | reset | maintenance | cache) [ "$command" = ctl ] && verb=$word ;;
        esac
    done
    for ((i = 1; i < COMP_CWORD - 1; i++)); do
        case ${COMP_WORDS[i]} in
            -c | --config | --socket) place=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}") ;;
        esac
    done
    case $prev in
        -c | --config | -e | --error-log | --against | --socket | --binary) COMPREPLY=($(compgen -f -- "$cur")) && return ;;
        -p | --prefix) COMPREPLY=($(compgen -d -- "$cur")) && return ;;
        -s | --signal) COMPREPLY=($(compgen -W 'stop quit reopen reload' -- "$cur")) && return ;;
        --to) COMPREPLY=($(compgen -W 'yaml nginx' -- "$cur")) && return ;;
        --code) COMPREPLY=($(compgen -W '1001 1012' -- "$cur")) && return ;;
    esac
    case $command in
        '') COMPREPLY=($(compgen -W 'init ctl reload upgrade diff top explain manual convert -c -t -T -s -p -g -e -q -v -V -h --effective' -- "$cur")) ;;
        reload) COMPREPLY=($(compgen -W '-c --verify --within -h' -- "$cur")) ;;
        upgrade) COMPREPLY=($(compgen -W '-c --binary --within -h' -- "$cur")) ;;
        top) COMPREPLY=($(compgen -W '-c --once -h' -- "$cur")) ;;
        diff) COMPREPLY=($(compgen -W '-c --against -h' -- "$cur")) ;;
        explain) COMPREPLY=($(compgen -W '-c --running --client --cookie -H --method -h' -- "$cur")) ;;
        manual) COMPREPLY=($(compgen -W "$(weir manual 2>/dev/null | sed -n 's/^\([a-z][a-z0-9_]*\).*/\1/p')" -- "$cur")) ;;
        init) COMPREPLY=($(compgen -W '-c --nocobase --tls -h' -- "$cur")) ;;
        convert) COMPREPLY=($(compgen -W '--to -h' -- "$cur") $(compgen -f -- "$cur")) ;;
        ctl)
            case $verb in
                '') COMPREPLY=($(compgen -W 'list status metrics drain up down weight reset maintenance cache reload -c --socket -h' -- "$cur")) ;;
                drain) COMPREPLY=($(compgen -W "$(_weir_peers) --wait --spread --code --no-wait --why -c --socket -h" -- "$cur")) ;;
                up | down | reset | weight) COMPREPLY=($(compgen -W "$(_weir_peers) --why -c --socket -h" -- "$cur")) ;;
                cache) COMPREPLY=($(compgen -W 'purge --zone --json -c --socket -h' -- "$cur")) ;;
                maintenance) COMPREPLY=($(compgen -W 'on off default --why --json -c --socket -h' -- "$cur")) ;;
                reload) COMPREPLY=($(compgen -W '--verify --within -c --socket -h' -- "$cur")) ;;
                list | status) COMPREPLY=($(compgen -W '--json certificates -c --socket -h' -- "$cur")) ;;
                metrics) COMPREPLY=($(compgen -W '-c --socket -h' -- "$cur")) ;;
            esac
            ;;
    esac
}
complete -o default -F _weir weir
