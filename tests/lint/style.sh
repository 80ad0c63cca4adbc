#!/bin/sh
# What no source file may hold.
set -eu
srcdir=${1:-.}
cd "$srcdir"
status=0
complain() {
	echo "$1:"
	sed 's/^/	/'
	status=1
}
sources=$(find src tests -name '*.[ch]' | sort)

# bounded text only (base/text.h); no shell; no locale-dependent ctype
found=$(grep -nE '(^|[^a-z_])(sprintf|vsprintf|strcpy|strcat|strncpy|strncat|gets|strtok|atoi|atol|popen|system|execl|execv|execvp|tolower|toupper|isspace|isalpha|isdigit|alloca)[(]' \
    $(find src -name '*.[ch]') || true)
[ -z "$found" ] || complain "functions that are not used here" <<EOF
$found
EOF

# a layer sees only what is below it
found=$(grep -nE '#include "(core|io|floodgate|floodgatectl)/' src/base/*.[ch] || true
	grep -nE '#include "(io|floodgate|floodgatectl)/' src/core/*.[ch] || true
	grep -nE '#include "(floodgate|floodgatectl)/' src/io/*.[ch] || true)
[ -z "$found" ] || complain "includes that point up" <<EOF
$found
EOF

# 80 columns, tabs of 8; tables may be wider
found=$(for file in $sources; do
	expand -t 8 "$file" | awk -v f="$file" 'length($0) > 80 {
		printf "%s:%d: %d columns\n", f, NR, length($0) }'
done | grep -v '^tests/' || true)
[ -z "$found" ] || complain "lines of more than 80 columns" <<EOF
$found
EOF

# unfinished thoughts go to the tracker
found=$(grep -nE '(TODO|FIXME|XXX|HACK)([^A-Z]|$)' $sources | grep -v 'XXXXXX' || true)
[ -z "$found" ] || complain "unfinished marks" <<EOF
$found
EOF

# every file says at its top what it is
for file in $sources; do
	name=$(basename "$file")
	head -n 2 "$file" | grep -q "^ \* $name - " ||
	    complain "no first comment" <<EOF
$file: expected " * $name - what it is" in its second line
EOF
done
exit $status
