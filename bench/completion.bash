# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright the clkdrift developers
# Completion for bash: asks clkdrift itself, so that it knows what clkdrift knows.

_clkdrift_names() {
	"${COMP_WORDS[0]}" list "$1" 2>/dev/null | sed -n 's/^\([a-z][A-Za-z0-9_.+-]*\) .*/\1/p'
}

_clkdrift() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} choices=

	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		choices=$("${COMP_WORDS[0]}" --help 2>/dev/null | sed -n 's/^  \([a-z]*\)  *[^ ].*/\1/p')
		choices="$choices --help --version"
	elif [ "$before" = --limits ]; then
		choices=$(_clkdrift_names limits)
	elif [ "$before" = --config ] || [ "$before" = --configs ]; then
		choices=$(_clkdrift_names configurations)
	elif [ "$before" = --profiles ]; then
		choices=$(_clkdrift_names profiles)
	elif [ "$before" = --arch ]; then
		choices=i386
	elif [ "$before" = --scenario ]; then
		choices=$(_clkdrift_names scenarios)
	elif [ "$before" = --clocks ] || [ "$before" = --reference ]; then
		choices=$(_clkdrift_names clocks)
	elif [[ $before = -o || $before = --output || $before = --shm || $before = --freq || $before = --phase || $before = --cache || $before = --kernel || $before = --modules || $before = --program || $before = --key || $before = --catalogue || $before = --facts || $before = --run || $before = --out || $before = --root || $before = --boot-ini ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
	elif [[ $word = -* ]]; then
		choices=$("${COMP_WORDS[0]}" "${COMP_WORDS[1]}" --list-options 2>/dev/null | tr -d =)
	else
		case ${COMP_WORDS[1]} in
		run) choices=$(_clkdrift_names scenarios) ;;
		list) choices='clocks disturbances scenarios limits configurations profiles' ;;
		lab) choices='run matrix setup' ;;
		advise) choices=$(_clkdrift_names profiles) ;;
		*)
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
			return
			;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}

complete -o filenames -F _clkdrift clkdrift
