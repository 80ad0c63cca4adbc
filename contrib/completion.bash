# Completion of floodgatectl for bash: commands as the program lists them.
_floodgatectl()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command= i
	local commands
	commands=$(floodgatectl help 2>/dev/null |
	    sed -n 's/^  \([a-z][a-z]*\) .*/\1/p')

	for ((i = 1; i < COMP_CWORD; i++)); do
		case " $commands " in
		*[[:space:]]"${COMP_WORDS[i]}"[[:space:]]*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	case $before in
	-s | --socket | -c | --config)
		COMPREPLY=($(compgen -f -- "$word"))
		;;
	*)
		case $command in
		'')
			COMPREPLY=($(compgen -W "$commands --socket --json \
			    --help --version" -- "$word"))
			;;
		help)
			COMPREPLY=($(compgen -W "$commands" -- "$word"))
			;;
		try | codes)
			COMPREPLY=($(compgen -W "$(floodgatectl help $command |
			    sed -n 's/^  \(-[-a-z]*\).*/\1/p') --json" \
			    -- "$word") $(compgen -f -- "$word"))
			;;
		*)
			COMPREPLY=($(compgen -W "--json --socket" -- "$word"))
			;;
		esac
		;;
	esac
}
complete -o filenames -F _floodgatectl floodgatectl
