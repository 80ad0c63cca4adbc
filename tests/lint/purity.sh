#!/bin/sh
# The core decides and does nothing else: no I/O, no clock, no threads, no
# allocation. What its objects need from outside is read from the archive and
# compared with this short list.
set -eu
builddir=${1:-.}
allowed='bcmp memchr memcmp memcpy memmove memset strchr strcmp strcspn strlen
strncmp strnlen strpbrk strrchr strspn strstr
SHA256Init SHA256Update SHA256End
__stack_chk_fail __assert_fail __assert
__memcpy_chk __memset_chk __memmove_chk'

nm_undefined() { nm -u "$1" | sed -n 's/^ *U //p' | sed 's/@.*//' | sort -u; }
nm_defined() { nm --defined-only -g "$1" | sed -n 's/^[0-9a-f]* [A-Z] //p' | sort -u; }

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
{ nm_defined "$builddir/libcore.a"; nm_defined "$builddir/libbase.a"
  printf '%s\n' $allowed; } | sort -u > "$dir/allowed"
# Sanitizers and coverage bring their own; the compiler may too.
nm_undefined "$builddir/libcore.a" |
    grep -Ev '^(__asan|__ubsan|__tsan|__sanitizer|__gcov|__llvm|_GLOBAL_OFFSET_TABLE_|__func__)' \
    > "$dir/needed" || true
if grep -Fxv -f "$dir/allowed" "$dir/needed" > "$dir/bad"; then
	echo "core needs what it must not know:"
	sed 's/^/	/' "$dir/bad"
	exit 1
fi
# base allocates in its arena and formats text; it does no I/O beyond stderr.
nm_undefined "$builddir/libbase.a" |
    grep -E '^(open|read|write|socket|connect|send|recv|fopen|time|gettimeofday|clock_gettime|pthread_.*|syslog|getenv)$' \
    > "$dir/bad" || true
if [ -s "$dir/bad" ]; then
	echo "base needs what it must not know:"
	sed 's/^/	/' "$dir/bad"
	exit 1
fi
