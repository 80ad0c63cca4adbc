/*
 * test_conffile.c - what a configuration may say, and what is said of it
 *
 * Each row is a whole file; `want` has a line for each problem, "LINE: part
 * of the text", in order, and "" stands for a good file. All of them are
 * compared, so that no mistake is reported twice.
 */
#include "io/conffile.h"

#include "base/text.h"
#include "core/check.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../suite.h"

/* A list, since nearly all needs one; on line 1. */
#define A "list \"a\" { networks = {\"192.0.2.0/24\"} }\n"

struct row {
	const char *name, *text, *want;
};

static const struct row words[] = {
	{ "empty file", "", "" },
	{ "blanks only", " \t\n\n", "" },
	{ "comments of all three kinds",
	    "# a { }\n// b }\n/* c {\n\"*/ log_level = info # d\n", "" },
	{ "comment without line end", "# a", "" },
	{ "comment within a list",
	    "list \"a\" { networks = {\"192.0.2.1\", # one\n"
	    "/* two */ \"192.0.2.2\" // three\n} }", "" },
	{ "CR LF ends lines", "log_level = \"info\"\r\nuser = \"\"\r\n", "" },
	{ "single quotes", "tag_separator = '+'\n", "" },
	{ "words without quotes", "log_level = info\nevent_timeout = 1s\n",
	    "" },
	{ "several options on a line",
	    "log_level = info event_timeout = 1s user = \"\"", "" },
	{ "comma behind the last value",
	    "list \"a\" { networks = {\"192.0.2.1\",} }", "" },
	{ "one value without braces",
	    "list \"a\" { networks = \"192.0.2.1\" }", "" },
	{ "escaped quote and backslash",
	    "list \"a\" { users = {\"a\\\"b\\\\c\", 'd\\'e'} }", "" },
	{ "slash in a word is no comment",
	    "list \"a\" { networks = 192.0.2.0/24 }", "" },
	{ "+= adds", "list \"a\" { networks = {\"192.0.2.1\"}\n"
	    "networks += {\"192.0.2.2\"} }", "" },

	{ "unterminated comment", "\n/* a\n\n", "2: */ is missing" },
	{ "unterminated string", "\nhostname = \"mail.example.com\n"
	    "log_level = info\n", "2: no end on its line" },
	{ "unterminated string with single quotes",
	    "user = 'root\n", "1: ' is missing" },
	{ "string that swallows a brace",
	    "policy \"a {\n\tspeak = \"early }\n", "1: no end on its line\n"
	    "2: no end on its line" },
	{ "string that ends in a backslash", "user = \"a\\", "1: no end" },
	{ "semicolon", "log_level = info;\nuser = \"\";\n",
	    "1: take the ; away\n2: take the ; away" },
	{ "byte order mark", "\xef\xbb\xbflog_level = info\n",
	    "1: byte order mark" },
	{ "control octet", "log_level = info\n\001\n# \007 \007\n",
	    "2: control octet 0x01\n3: control octet 0x07" },
	{ "environment in a string", "hostname = \"${HOME}\"",
	    "1: from the environment" },
	{ "environment in a word", "hostname = ${HOME}",
	    "1: from the environment" },
	{ "escape that is none", "user = \"a\\n\"", "1: saw \\n" },
	{ "escape that would end the text", "user = \"a\\0b\"",
	    "1: saw \\0" },
	{ "word with a star", "include = conf.d/*.conf\n",
	    "1: saw *" },
};

static const struct row structure[] = {
	{ "missing =", "log_level info\n", "1: expected = after log_level" },
	{ "missing = before braces",
	    "list \"a\" {\n\tnetworks {\"192.0.2.1\"}\n}",
	    "2: expected = after networks" },
	{ "missing value", "listen =\nlog_level = info\n",
	    "1: expected a value after listen =" },
	{ "missing value at the end", "listen =", "1: the end of the file" },
	{ "missing value before a brace", "policy \"a\" { speak = }",
	    "1: expected a value after speak =, saw }" },
	{ "value without quotes", "hostname = mail example\n",
	    "1: needs quotes" },
	{ "values without braces", "list \"a\" {\nusers = \"a\", \"b\"\n}",
	    "2: several stand in { }" },
	{ "missing comma", "list \"a\" { users = {\"a\" \"b\"} }",
	    "1: expected a comma" },
	{ "missing value before a comma", "list \"a\" { users = {, \"b\"} }",
	    "1: expected a value" },
	{ "brace in braces", "list \"a\" { users = {\"a\", {\"b\"}} }",
	    "1: saw {" },
	{ "braces for one value", "log_level = {\"info\"}",
	    "1: takes one value" },
	{ "+= for one value", "user += \"x\"\n", "1: expected =" },
	{ "+= without values above", "list \"a\" { users += {\"a\"} }",
	    "1: users has none" },
	{ "+= behind what is no good", "list \"a\" {\nusers = {\"a\"\n"
	    "file = \"\"\nusers += {\"b\"}\n}",
	    "2: the { of users has no }" },
	{ "missing = leaves nothing missing",
	    "policy \"a\" { check \"too_many_recipients\" { max 5 } }",
	    "1: expected = after max" },
	{ "unknown option", "\nlog_levle = info\n",
	    "2: did you mean log_level?" },
	{ "nothing like it", "\nfrobnicate = 3\n",
	    "2: no option \"frobnicate\" at the top level" },
	{ "option of another section", "speak = early\n",
	    "1: it belongs in policy" },
	{ "option of two others", "policy \"a\" { mode = off }\n",
	    "1: it belongs in check or limit" },
	{ "option of the other store",
	    "store \"memory\" { server = \"127.0.0.1:1\" }",
	    "1: belongs in store \"redis\"" },
	{ "unknown section", "\npolcy \"a\" { foo = { bar } }\n",
	    "2: no section \"polcy\" at the top level: did you mean policy?" },
	{ "section elsewhere", "check \"helo_localhost\" { }\n",
	    "1: it belongs in policy" },
	{ "unknown sections are passed over",
	    "a { b { c { d = \"}\" } } }\nlog_level = x\n",
	    "1: no section \"a\"\n2: log_level: expected one of" },
	{ "repeated option", "user = \"\"\n\nuser = \"\"\n",
	    "3: user stands in line 1 already" },
	{ "thrice", "user = \"\"\nuser = \"\"\nuser = \"\"\n",
	    "2: in line 1 already\n3: in line 1 already" },
	{ "repeated in a section",
	    "policy \"a\" { speak = rcpt\nspeak = early }",
	    "2: speak stands in line 1 already" },
	{ "the same option in two sections",
	    "policy \"a\" { speak = rcpt }\npolicy \"b\" { speak = rcpt }",
	    "" },
	{ "repeated list", A A, "2: list \"a\" stands in " },
	{ "repeated policy", "policy \"a\" { }\n\npolicy \"a\" { }",
	    "3: policy \"a\" stands in " },
	{ "repeated match", "policy \"a\" { match { }\nmatch { } }",
	    "2: match stands in line 1 of this policy" },
	{ "repeated limit", "policy \"a\" {\n"
	    "limit \"quota_user\" { allow = \"1/1h\" }\n"
	    "limit \"quota_user\" { allow = \"2/1h\" } }",
	    "3: limit \"quota_user\" stands in line 2" },
	{ "two stores", "store \"memory\" { }\nstore \"redis\" { }",
	    "2: a store stands in " },
	{ "unterminated section", "policy \"a\" {\n\tspeak = rcpt\n",
	    "1: policy \"a\" begun here has no end" },
	{ "two unterminated sections", "\npolicy \"a\" {\n"
	    "\tcheck \"helo_localhost\" {\n",
	    "2: policy \"a\" begun here\n"
	    "3: check \"helo_localhost\" begun here" },
	{ "missing } before a section further out",
	    "policy \"a\" {\n\tmatch { authenticated = true\n"
	    "\tcheck \"helo_localhost\" { }\n}\npolicy \"b\" { }\n",
	    "3: check cannot stand in match of line 2" },
	{ "missing } before another policy",
	    "policy \"a\" {\n\tcheck \"helo_localhost\" {\n\t}\n\n"
	    "policy \"b\" { }\n", "5: policy cannot stand in policy \"a\" of "
	    "line 1" },
	{ "a policy within a policy, with all its braces",
	    "policy \"a\" {\n\tpolicy \"b\" {\n\t}\n}\n",
	    "2: policy cannot stand in policy \"a\" of line 1" },
	{ "stray }", "policy \"a\" { }\n}\n", "2: the } here closes nothing" },
	{ "unterminated braces at the end", "list \"a\" {\nusers = {\"a\",\n",
	    "1: list \"a\" begun here has no end\n2: the { of users has no }" },
	{ "unterminated braces before an option",
	    "list \"a\" {\nusers = {\"a\",\n\"b\"\nfile = \"\" }",
	    "2: the { of users has no }" },
	{ "unterminated braces before a section",
	    "policy \"a\" {\nexcept = {\"a\"\ncheck \"helo_localhost\" { } }",
	    "2: the { of except has no }" },
	{ "section without its name", "list { }\npolicy { }\nstore { }",
	    "1: list needs a name\n2: policy needs a name\n"
	    "3: store needs a name" },
	{ "section with a name too many", "policy \"a\" { match \"b\" { } }",
	    "1: match has no name" },
	{ "name with a blank", "list \"a b\" { }", "1: a name has" },
	{ "short name with a question mark", "list \"a?\" { }",
	    "1: a name has" },
	{ "name with other marks", "list \"a_b-c.d\" { }", "" },
	{ "name of 40", "list \"1234567890123456789012345678901234567890\" "
	    "{ }", "" },
	{ "name of 41", "list \"12345678901234567890123456789012345678901\" "
	    "{ }", "1: a name has" },
	{ "unknown store", "store \"redsi\" { prefix = \"x\" }",
	    "1: did you mean redis?" },
	{ "value for nothing", "= 3\n", "1: saw =" },
	{ "string for a name", "\"user\" = \"x\"\n", "1: saw \"user\"" },
	{ "function", "include(\"x\")\n", "1: expected = after include" },
	{ "braces for nothing", "{ a = 1 }\nuser = \"\"\n", "1: saw {" },
	{ "all at once", "user = \"\nfoo = 1\nlog_level = loud\n}\n",
	    "1: no end\n2: no option \"foo\"\n3: saw \"loud\"\n"
	    "4: closes nothing" },
};

static const struct row values[] = {
	{ "leading 0", "ipv4_prefix = 010\n",
	    "1: write 10, a leading 0 is not octal here" },
	{ "number too small", "ipv4_prefix = 7\n",
	    "1: whole number from 8 to 32, saw \"7\"" },
	{ "number too large", "ipv6_prefix = 129\n", "1: from 16 to 128" },
	{ "number with a sign", "ipv4_prefix = -8\n", "1: saw \"-8\"" },
	{ "huge number", "ipv4_prefix = 99999999999999999999\n", "1: saw" },
	{ "empty number", "ipv4_prefix = \"\"\n", "1: saw \"\"" },
	{ "duration without unit", "event_timeout = 5\n", "1: a duration is" },
	{ "duration out of range", "event_timeout = 1h\n",
	    "1: expected 50ms to 20s, saw \"1h\"" },
	{ "name of a set", "log_level = verbose\n",
	    "1: error, warning, notice, info, debug, saw \"verbose\"" },
	{ "nearly a name of a set", "log_level = dbug\n",
	    "1: did you mean debug?" },
	{ "truth", "fold_local_part = maybe\n", "1: true or false" },
	{ "all words of truth", "policy \"a\" { match { authenticated = yes } }"
	    "\nfold_local_part = off\n", "" },
	{ "file mode", "listen_mode = 888\n", "1: octal mode" },
	{ "port too large", "listen = \"inet:99999@127.0.0.1\"",
	    "1: a port is" },
	{ "any port", "listen = \"inet:0@127.0.0.1\"", "" },
	{ "IPv6", "listen = \"inet6:8891@[::1]\"", "" },
	{ "Postfix writes it the other way round",
	    "listen = \"inet:127.0.0.1:8891\"", "1: a port is" },
	{ "socket", "listen = \"unix:/run/floodgate/socket\"", "" },
	{ "relative socket", "listen = \"unix:socket\"", "1: begins with /" },
	{ "socket too long", "listen = \"unix:/"
	    "23456789012345678901234567890123456789012345678901234567890"
	    "12345678901234567890123456789012345678901234567890\"",
	    "1: 107 octets" },
	{ "relative control socket", "control = \"run\"",
	    "1: begins with /" },
	{ "control socket too long", "control = \"/"
	    "23456789012345678901234567890123456789012345678901234567890"
	    "12345678901234567890123456789012345678901234567890\"",
	    "1: 107 octets" },
	{ "empty value among several", "list \"b\" { users = {\"a\", \"\"} }",
	    "1: users: expected a value" },
	{ "no control socket", "control = \"\"", "" },
	{ "hostname", "hostname = \"localhost\"",
	    "1: such as mail.example.com" },
	{ "user that is not", "user = \"no such user\"",
	    "1: expected a user of this system" },
	{ "group that is not", "control_group = \"no such group\"",
	    "1: expected a group of this system" },
	{ "separator", "tag_separator = \"@\"", "1: such as \"+\"" },
	{ "network with host bits", "list \"b\" {\nnetworks = {\n"
	    "\"192.0.2.0/24\",\n\"192.0.2.1/24\"} }", "4: networks:" },
	{ "list file that is not", "list \"b\" { file = \"none\" }",
	    "1: file: cannot read " },
	{ "list file that is a directory", "list \"b\" { file = \"/\" }",
	    "1: it is a directory" },
	{ "regular expression in a list", "list \"b\" { domains = "
	    "{\"/^a\\\\.b$/\", \"x.y\"} users = \"/^a \\\"b\\\"$/i\" }", "" },
	{ "regular expression that is none", "list \"b\" {\ndomains = {\n"
	    "\"a.b\",\n\"/(/\"} }", "4: domains: missing closing "
	    "parenthesis, in column 2, saw \"/(/\"" },
	{ "map", "map \"m\" { entries = {\"a@b.example c, d\", "
	    "\"/^x@/ y\"} }", "" },
	{ "map twice", "map \"m\" { }\nmap \"m\" { }",
	    "2: map \"m\" stands in" },
	{ "map with a name twice", "map \"m\" { entries = {\n"
	    "\"a@b.example c\",\n\"A@b.example d\"} }",
	    "3: entries: expected every name once" },
	{ "map without a value", "map \"m\" { entries = \"a@b.example\" }",
	    "1: expected blanks and a value" },
	{ "list in Redis", "store \"redis\" { }\n"
	    "list \"b\" { redis = \"fg:b\" }\nmap \"m\" { redis = \"m\" }",
	    "" },
	{ "list in Redis without Redis", "list \"b\" { redis = \"b\" }\n"
	    "map \"m\" { redis = \"m\" }\nstore \"memory\" { }",
	    "1: expected a section store \"redis\"\n"
	    "2: expected a section store \"redis\"" },
	{ "key with a blank", "store \"redis\" { }\n"
	    "list \"b\" { redis = \"a b\" }", "2: without blanks" },
	{ "relative counters", "store \"memory\" { file = \"counters\" }",
	    "1: begins with /" },
	{ "redis", "store \"redis\" { server = \"[::1]:6379\" }", "" },
	{ "redis at a socket", "store \"redis\" { server = \"/run/redis\" }",
	    "" },
	{ "redis without a port", "store \"redis\" { server = \"localhost\" }",
	    "1: expected HOST:PORT" },
	{ "two servers", "store \"redis\" { server = {\"a:1\", \"b:1\"} }",
	    "" },
	{ "seventeen servers", "store \"redis\" { server = {\"a:1\", "
	    "\"a:2\", \"a:3\", \"a:4\", \"a:5\", \"a:6\", \"a:7\", "
	    "\"a:8\", \"a:9\", \"a:10\", \"a:11\", \"a:12\", "
	    "\"a:13\", \"a:14\", \"a:15\", \"a:16\", \"a:17\"} }",
	    "1: server: expected at most 16 servers, saw \"a:17\"" },
	{ "no server", "store \"redis\" { server = {} }",
	    "1: server: expected a server" },
	{ "sentinels", "store \"redis\" { server = {\"a:1\", \"b:1\"}\n"
	    "sentinel = \"post\" sentinel_user = \"x\" }", "" },
	{ "cluster", "store \"redis\" { server = {\"a:1\", \"b:1\"}\n"
	    "cluster = true }", "" },
	{ "cluster and sentinel", "store \"redis\" {\nserver = \"a:1\"\n"
	    "sentinel = \"post\"\ncluster = true }",
	    "3: sentinel: a cluster has none" },
	{ "cluster at a socket", "store \"redis\" {\nserver = \"/run/redis\""
	    "\ncluster = true }", "2: server: expected HOST:PORT or" },
	{ "cluster with databases", "store \"redis\" {\ncluster = true\n"
	    "database = 1 }", "3: database: a cluster has only database 0" },
	{ "sentinel_user alone",
	    "store \"redis\" { sentinel_user = \"x\" }",
	    "1: sentinel_user: there is no sentinel" },
	{ "sentinel_password_file that is missing", "store \"redis\" {\n"
	    "sentinel = \"post\"\nsentinel_password_file = \"none\" }",
	    "3: sentinel_password_file: cannot read" },
	{ "prefix that breaks the hash tag",
	    "store \"redis\" { prefix = \"{x}\" }", "1: without blanks" },
	{ "password file that is not",
	    "store \"redis\" { password_file = \"none\" }",
	    "1: password_file: cannot read" },
	{ "redis over TLS", "store \"redis\" { tls = true }", "" },
	{ "option of TLS without TLS",
	    "store \"redis\" { tls_server_name = \"redis\" }",
	    "1: expected tls = true" },
	{ "certificate without a key", "store \"redis\" { tls = true\n"
	    "tls_certificate_file = \"cert.pem\" }",
	    "2: expected both" },
	{ "TLS over a path", "store \"redis\" { tls = true\n"
	    "server = \"/run/redis\" }", "1: expected tls_server_name" },
	{ "authority that is not", "store \"redis\" { tls = true\n"
	    "tls_ca_file = \"none\" }", "1: tls_ca_file" },
	{ "script of redis", "store \"redis\" { script = \"function\" }",
	    "" },
	{ "unknown kind of script", "store \"redis\" { script = \"lua\" }",
	    "1: expected" },
	{ "outside text is escaped", "log_level = \"a\xc3\xa4 \x7f\"\n",
	    "1: control octet 0x7f\n1: saw \"a%C3%A4  \"" },
};

/* A policy around it; A is line 1, the policy line 2. */
#define P(text) A "policy \"p\" {\n" text "\n}\n"
#define MARKS_4 "check \"user_suspended\" { } check \"client_blocked\" { } " \
	"check \"user_suspended\" { } check \"client_blocked\" { } "
#define MARKS_8 MARKS_4 MARKS_4

static const struct row policies[] = {
	{ "empty policy", P(""), "" },
	{ "every key of match",
	    P("match { authenticated = false clients = {\"a\"} users = \"a\" "
	    "helo = \"a\" senders = \"a\" recipients = \"a\" "
	    "listeners = {\"587\"} }"), "" },
	{ "unknown list", P("match { clients = {\"b\", \"a\"} }"),
	    "3: clients: expected the name of a list, saw \"b\"" },
	{ "nearly a list", "list \"banned\" { }\npolicy \"p\" {\n"
	    "except = {\"bnned\"} }", "3: did you mean banned?" },
	{ "the same list twice", P("except = {\"a\", \"a\"}"),
	    "3: each list once" },
	{ "exceptions of all kinds", P("except = {\"a\", \"client:a\", "
	    "\"user:a\", \"helo:a\", \"sender:a\", \"recipient:a\"}"), "" },
	{ "exception of no kind", P("except = {\"cleint:a\"}"),
	    "3: did you mean client?" },
	{ "exception without a kind", P("except = {\":a\"}"),
	    "3: SUBJECT:LIST" },
	{ "lists may come after", "policy \"p\" { except = {\"a\"} }\n" A,
	    "" },
	{ "lines of values", P("except = {\n\"a\",\n\n\"b\"}"),
	    "6: saw \"b\"" },

	{ "check without options", P("check \"helo_localhost\" { }"), "" },
	{ "unknown check", P("check \"helo_localhst\" { }"),
	    "3: did you mean helo_localhost?" },
	{ "limit as a check", P("check \"quota_user\" { allow = \"1/1h\" }"),
	    "3: it belongs in limit\n3: it is a limit" },
	{ "the same check twice has its uses",
	    P("check \"sender_denied\" { lists = \"a\" }\n"
	    "check \"sender_denied\" { lists = \"a\" mode = observe }"), "" },
	{ "option of another check",
	    P("check \"helo_localhost\" { map = \"x\" }"),
	    "3: check helo_localhost takes no option map; it takes mode, "
	    "except, reply, on_failure, ignore_notes" },
	{ "missing option", P("check \"sender_denied\" { }"),
	    "3: check sender_denied needs the option lists" },
	{ "empty option", P("check \"sender_denied\" { lists = {} }"),
	    "3: expected at least one" },
	{ "a check of marks needs nothing", P("check \"client_blocked\" { }"),
	    "" },
	{ "and takes no list", P("check \"client_blocked\" { "
	    "lists = \"a\" }"), "3: takes no option lists" },
	{ "marks alone", P("check \"user_suspended\" { }"), "" },
	{ "marks instead of lists", P("check \"sender_denied\" { "
	    "marks = true }"), "" },
	{ "neither", P("check \"user_suspended\" { marks = false }"),
	    "3: needs the option lists, or marks = true" },
	{ "marks of a check that has none", P("check \"client_denied\" { "
	    "lists = \"a\" marks = true }"), "3: takes no option marks" },
	{ "8 checks of marks", P(MARKS_8), "" },
	{ "9 checks of marks", P(MARKS_8 "check \"user_suspended\" { }"),
	    "2: at most 8 checks of one policy may look at marks" },
	{ "a block", P("check \"client_blocked\" { }\n"
	    "limit \"quota_user\" { allow = 1/1h block = 30m }"), "" },
	{ "a block that nobody looks at", P("limit \"quota_user\" { "
	    "allow = 1/1h block = 30m }"),
	    "3: block of limit quota_user does nothing" },
	{ "a check that is off does not look",
	    P("check \"client_blocked\" { mode = off }\n"
	    "limit \"quota_user\" { allow = 1/1h block = 30m }"),
	    "4: block of limit quota_user does nothing" },
	{ "a block too short", P("check \"client_blocked\" { }\n"
	    "limit \"quota_user\" { allow = 1/1h block = 10ms }"),
	    "4: expected 1s to" },
	{ "missing number", P("check \"too_many_recipients\" { }"),
	    "3: needs the option max" },
	{ "number", P("check \"too_many_recipients\" { max = 0 }"),
	    "3: from 1 to 1000000" },
	{ "size", P("check \"message_too_big\" { max_size = 25M }"), "" },
	{ "size of nothing",
	    P("check \"message_too_big\" { max_size = 0 }"), "3: max_size:" },
	{ "size that is none",
	    "policy \"p\" { check \"message_too_big\" { max_size = 5X } }",
	    "1: max_size: a size is" },
	{ "map without a name", P("check \"sender_not_owned\" { map = '' }"),
	    "3: map: expected the name of a map or a file" },
	{ "what a check with options of its own takes",
	    P("check \"sender_denied\" { lists = \"a\" max = 5 }"),
	    "3: it takes mode, except, reply, on_failure, ignore_notes, "
	    "lists" },
	{ "match that matches all", P("match { }"), "" },
	{ "map that is not", P("check \"sender_not_owned\" { map = \"no\" }"),
	    "3: map: cannot read" },
	{ "map by its name", "map \"m\" { entries = \"a@b.c d\" }\n\n"
	    "policy \"p\" { check \"sender_not_owned\" { map = \"m\" } }",
	    "" },
	{ "relaying, by a list in Redis", "store \"redis\" { }\n"
	    "list \"a\" { redis = \"a\" }\npolicy \"p\" {\n"
	    "check \"recipient_relay_denied\" { lists = \"a\" }\n"
	    "check \"recipient_relay_denied\" { lists = \"a\" "
	    "on_failure = defer }\n}", "4: needs on_failure = \"defer\"" },
	{ "who exists", P("check \"recipient_unknown\" { lists = \"a\" "
	    "mailboxes = \"a\" }"), "" },
	{ "who exists, not said", P("check \"recipient_unknown\" {\n"
	    "lists = \"a\" mailboxes = {} }"),
	    "3: needs mailboxes or map" },
	{ "pattern", P("check \"message_bulk\" { header = \"X-Spam\" "
	    "pattern = \"yes*\" }"), "" },
	{ "regular expression", P("check \"message_bulk\" { "
	    "header = \"X-Spam\" pattern = \"/^(yes|no)/i\" }"), "" },
	{ "regular expression that is none", P("check \"message_bulk\" { "
	    "header = \"X-Spam\" pattern = \"/(yes/\" }"),
	    "3: pattern: missing closing parenthesis, in column 5, saw" },
	{ "no header", P("check \"message_bulk\" { pattern = \"x\" }"),
	    "3: needs the option header" },
	{ "header with a colon", P("check \"message_bulk\" { "
	    "header = \"X-Spam:\" pattern = \"x\" }"),
	    "3: header: expected the name of a header field" },
	{ "always accept", P("always_accept = {\"postmaster@\", "
	    "\"abuse@example.com\"}"), "" },
	{ "always accept a domain", P("always_accept = {\n\"@example.com\","
	    "\n\"example.com\"}"), "5: always_accept: expected an address" },
	{ "always accept, early", P("speak = early\n"
	    "always_accept = {\"postmaster@\"}"),
	    "4: where speak is early" },
	{ "mode", P("check \"helo_localhost\" { mode = onserve }"),
	    "3: did you mean observe?" },
	{ "on_failure", P("check \"helo_localhost\" { on_failure = locally }"),
	    "3: accept, defer" },
	{ "reply", P("check \"helo_localhost\" { reply = \"550 5.7.1 No\" }"),
	    "" },
	{ "reply of two classes",
	    P("check \"helo_localhost\" { reply = \"450 5.7.1 No\" }"),
	    "3: reply: " },
	{ "reply with a field of limits",
	    P("check \"helo_localhost\" { reply = \"550 5.7.1 %{used}\" }"),
	    "3: no such field, saw \"used\"" },
	{ "reply with a field of limits, in a limit",
	    P("limit \"quota_user\" { allow = \"1/1h\"\n"
	    "reply = \"450 4.7.1 %{limit} %{used} %{max} %{window} "
	    "%{retry}\" }"), "" },
	{ "reply with a field that is not",
	    P("check \"helo_localhost\" { reply = \"550 5.7.1 %{usr}\" }"),
	    "3: no such field" },
	{ "reply that closes",
	    P("check \"helo_localhost\" { reply = \"421 4.7.0 Bye\" }"), "" },

	{ "named limit", P("limit \"quota_user\" { allow = \"100/1h\" }"),
	    "" },
	{ "named limit with another key", P("limit \"quota_user\" {\n"
	    "per = {\"user\", \"client\"} allow = \"100/1h\" }"), "" },
	{ "named limit without its key", P("limit \"quota_user\" {\n"
	    "per = {\"client\"} allow = \"100/1h\" }"),
	    "4: quota_user counts per user" },
	{ "named limit that counts what it does", P("limit \"quota_user\" {\n"
	    "count = recipients allow = \"100/1h\" }"), "" },
	{ "named limit that counts else", P("limit \"quota_user\" {\n"
	    "count = messages allow = \"100/1h\" }"),
	    "4: quota_user counts recipients" },
	{ "limit with a name of its own", P("limit \"mine\" { per = \"sender\""
	    " count = \"messages\" allow = {\"100/1h\", \"500/1d\"} }"), "" },
	{ "it needs per, count and allow", P("limit \"mine\" { }"),
	    "3: needs the option per\n3: needs the option count\n"
	    "3: needs the option allow" },
	{ "nearly a named limit", P("limit \"qota_user\" { allow = \"1/1h\" "
	    "count = recipients }"), "3: did you mean quota_user?" },
	{ "check as a limit", P("limit \"helo_localhost\" { }"),
	    "3: helo_localhost is a check" },
	{ "no key", P("limit \"mine\" { per = {} count = messages "
	    "allow = \"1/1h\" }"), "3: at least one key" },
	{ "unknown key", P("limit \"mine\" { per = {\"usr\"} count = messages "
	    "allow = \"1/1h\" }"), "3: did you mean user?" },
	{ "key twice", P("limit \"mine\" { per = {\"user\", \"user\"} "
	    "count = messages allow = \"1/1h\" }"), "3: each key once" },
	{ "unknown count", P("limit \"mine\" { per = user count = byte "
	    "allow = \"1x\" }"), "3: did you mean bytes?" },
	{ "no rate", P("limit \"quota_user\" { allow = {} }"),
	    "3: at least one rate" },
	{ "rate without a window", P("limit \"quota_user\" { allow = 100 }"),
	    "3: such as 100/1h" },
	{ "rate without a unit", P("limit \"quota_user\" { allow = 1/5 }"),
	    "3: a duration is" },
	{ "rate of octets where messages count",
	    P("limit \"quota_user\" { allow = 1M/1h }"), "3: allow:" },
	{ "octets", P("limit \"mine\" { per = user count = bytes "
	    "allow = {\"10M/1d\", \"1G/30d\"} }"), "" },
	{ "window twice", P("limit \"quota_user\" {\n"
	    "allow = {\"5/1h\",\n\"9/60m\"} }"), "5: each span of time once" },
	{ "nothing passes", P("limit \"quota_user\" { allow = 0/1h }"), "" },
	{ "8 windows", P("limit \"quota_user\" { allow = {\"1/1s\", "
	    "\"2/2s\", \"3/3s\", \"4/4s\", \"5/5s\", \"6/6s\", \"7/7s\", "
	    "\"8/8s\"} }"), "" },
	{ "9 windows", P("limit \"quota_user\" { allow = {\"1/1s\", "
	    "\"2/2s\", \"3/3s\", \"4/4s\", \"5/5s\", \"6/6s\", \"7/7s\", "
	    "\"8/8s\", \"9/9s\"} }"), "3: 8 rates at most" },
	{ "open connections", P("limit \"client_connections\" "
	    "{ allow = 20 }"), "" },
	{ "open connections in a window", P("limit \"client_connections\" "
	    "{ allow = 20/1h }"), "3: expected a number such as 20" },
	{ "open connections of two numbers", P("limit \"client_connections\" "
	    "{ allow = {\"20\",\n\"30\"} }"), "4: expected one number" },
	{ "connections per user", P("limit \"mine\" { per = {\"client\", "
	    "\"user\"} count = connections allow = 1/1m }"),
	    "3: expected a key known by then, saw \"user\"" },
	{ "different recipients per recipient", P("limit \"mine\" { per = "
	    "{\"user\", \"recipient\"} count = distinct_recipients "
	    "allow = 1/1m }"), "3: distinct_recipients of one recipient are "
	    "never more than one: expected other keys" },
	{ "different recipients per domain", P("limit \"mine\" { per = "
	    "{\"recipient_domain\"} count = distinct_recipients "
	    "allow = 1/1m }"), "" },
	{ "refusals per user", P("limit \"mine\" { per = {\"user\"} "
	    "count = refusals allow = 1/1m }"), "" },
	{ "client and its network", P("limit \"mine\" { per = {\"client\", "
	    "\"client_net\"} count = messages allow = 1/1m }"), "" },
	{ "lease", P("limit \"mine\" { per = {\"everyone\"} count = recipients "
	    "allow = {\"100/1m\", \"500/1h\"}\nlease_units = 100 }"), "" },
	{ "lease of bytes", P("limit \"mine\" { per = {\"listener\"} count = "
	    "bytes allow = 1G/1h lease_units = 10000000 }"), "" },
	{ "lease of one", P("limit \"mine\" { per = {\"everyone\"} count = "
	    "recipients allow = 100/1m\nlease_units = 1 }"),
	    "4: lease_units: expected a whole number from 2 to "
	    "1000000000000, saw \"1\"" },
	{ "lease in one policy of two", P("limit \"mine\" { per = "
	    "{\"everyone\"} count = recipients allow = 100/1h\n"
	    "lease_units = 10 }\n}\npolicy \"q\" {\nlimit \"mine\" { per = "
	    "{\"everyone\"} count = recipients allow = 100/1h }"),
	    "7: limit mine shares its counters with that of policy p in line "
	    "3: expected lease_units in both or none" },
	{ "leases of different lengths", P("limit \"mine\" { per = "
	    "{\"everyone\"} count = recipients allow = 100/1h\n"
	    "lease_units = 10 }\n}\npolicy \"q\" {\nlimit \"mine\" { per = "
	    "{\"everyone\"} count = recipients allow = {\"10/1m\", "
	    "\"100/1h\"}\nlease_units = 5 }"), "7: limit mine shares its" },
	{ "leases of different sizes", P("limit \"mine\" { per = "
	    "{\"everyone\"} count = recipients allow = 100/1h\n"
	    "lease_units = 10 }\n}\npolicy \"q\" {\nlimit \"mine\" { per = "
	    "{\"everyone\"} count = recipients allow = 200/1h\n"
	    "lease_units = 5 }"), "" },
	{ "lease beside other keys", P("limit \"mine\" { per = "
	    "{\"everyone\"} count = recipients allow = 100/1h\n"
	    "lease_units = 10 }\n}\npolicy \"q\" {\nlimit \"mine\" { per = "
	    "{\"user\"} count = recipients allow = 100/1h }"), "" },
	{ "lease of more than there is", P("limit \"mine\" { per = "
	    "{\"everyone\"} count = recipients allow = {\"500/1h\", "
	    "\"100/1m\"}\nlease_units = 101 }"), "4: lease_units: expected no "
	    "more than the 100 that the limit allows, saw \"101\"" },
	{ "lease of a short span", P("limit \"mine\" { per = {\"everyone\"} "
	    "count = messages allow = 100/59s\nlease_units = 10 }"),
	    "3: allow: expected spans of 1m or more beside lease_units, saw "
	    "\"100/59s\"" },
	{ "lease of open connections", P("limit \"client_connections\" "
	    "{ allow = 20\nlease_units = 5 }"), "4: lease_units: "
	    "expected none with open_connections, only with messages, "
	    "recipients, bytes, connections, logins, saw \"5\"" },
	{ "lease of different ones", P("limit \"mine\" { per = "
	    "{\"everyone\"} count = distinct_senders allow = 20/1h\n"
	    "lease_units = 5 }"), "4: lease_units: expected none with "
	    "distinct_senders" },
	{ "lease of attempts", P("limit \"mine\" { per = {\"everyone\"} "
	    "count = attempts allow = 20/1h\nlease_units = 5 }"),
	    "4: lease_units: expected none with attempts" },
	{ "lease of refusals", P("limit \"mine\" { per = {\"everyone\"} "
	    "count = refusals allow = 20/1h\nlease_units = 5 }"),
	    "4: lease_units: expected none with refusals" },
	{ "connections per listener", P("limit \"mine\" { per = {\"listener\"} "
	    "count = connections allow = 1/1m }"), "" },
};

static char folder[] = "/tmp/floodgate-test-XXXXXX";
static char path[sizeof(folder) + 32];

static const char *
in_folder(const char *name)
{
	static char buffers[4][sizeof(path) + 32];
	static int next;
	char *buffer = buffers[next++ % 4];
	struct text text;

	text_init(&text, buffer, sizeof(buffers[0]));
	text_printf(&text, "%s/%s", folder, name);
	return buffer;
}

static void
write_file(const char *name, const char *octets, size_t length)
{
	FILE *to = fopen(in_folder(name), "w");

	ck_assert_ptr_nonnull(to);
	ck_assert_uint_eq(fwrite(octets, 1, length, to), length);
	fclose(to);
}

static void
write_text(const char *name, const char *text)
{
	write_file(name, text, strlen(text));
}

static void
make_folder(void)
{
	text_copy(folder, sizeof(folder), "/tmp/floodgate-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	text_copy(path, sizeof(path), in_folder("floodgate.conf"));
}

static void
remove_folder(void)
{
	static const char *const names[] = {
		"floodgate.conf", "a.conf", "b.conf", "sub/c.conf",
		"sub/c2.conf", "sub/list", "list", "map", "secret",
		"again.conf", "sub",
	};

	for (int i = 0; i < ROWS(names); i++)
		remove(in_folder(names[i]));
	rmdir(folder);
}

/* Every line of `want` is the number and a part of the problem's text. */
static void
compare_problems(const char *name, const struct problems *problems,
    const char *want)
{
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->at[i];
		size_t length = strcspn(want, "\n");
		char part[256], *text;
		long line;

		ck_assert_msg(length > 0, "%s: wanted no more, got %d: %s",
		    name, problem->line, problem->text);
		text_copy_n(part, sizeof(part), want, length);
		line = strtol(part, &text, 10);
		text += strspn(text, ": ");
		ck_assert_msg(line == problem->line &&
		    strstr(problem->text, text) != NULL,
		    "%s: wanted %ld: %s, got %d: %s", name, line, text,
		    problem->line, problem->text);
		want += length + (want[length] == '\n');
	}
	ck_assert_msg(*want == '\0', "%s: missed %s", name, want);
}

/* A text in memory of what conffile_print() writes; for free(). */
static char *
print_config(const struct config *config)
{
	char *text = NULL;
	size_t length;
	FILE *to = open_memstream(&text, &length);

	ck_assert_ptr_nonnull(to);
	conffile_print(config, to);
	fclose(to);
	return text;
}

static struct config *
read_good(const char *name, const char *file)
{
	struct problems problems;
	struct config *config;

	problems_init(&problems);
	config = conffile_read(file, &problems);
	compare_problems(name, &problems, "");
	ck_assert_ptr_nonnull(config);
	problems_clear(&problems);
	return config;
}

/* What is printed parses again, and prints the same. */
static void
print_twice(const char *name, const struct config *config)
{
	char *first = print_config(config), *second;
	struct config *again;

	write_text("again.conf", first);
	again = read_good(name, in_folder("again.conf"));
	second = print_config(again);
	ck_assert_msg(strcmp(first, second) == 0,
	    "%s: printed\n%s\nand again\n%s", name, first, second);
	ck_assert_uint_eq(config->steps, again->steps);
	config_close(&again);
	free(first);
	free(second);
}

static void
try_row(const struct row *row)
{
	struct problems problems;
	struct config *config;

	write_text("floodgate.conf", row->text);
	problems_init(&problems);
	config = conffile_read(path, &problems);
	compare_problems(row->name, &problems, row->want);
	ck_assert_msg((config != NULL) == (row->want[0] == '\0'),
	    "%s: a configuration and problems, or neither", row->name);
	if (config != NULL)
		print_twice(row->name, config);
	config_close(&config);
	problems_clear(&problems);
}

START_TEST(word)
{
	try_row(&words[_i]);
}
END_TEST

START_TEST(structured)
{
	try_row(&structure[_i]);
}
END_TEST

START_TEST(value)
{
	try_row(&values[_i]);
}
END_TEST

START_TEST(policy_row)
{
	try_row(&policies[_i]);
}
END_TEST

/* --- what the configuration holds */

START_TEST(values_arrive)
{
	struct config *config;
	const struct policy *policy;
	const struct rule *rule;

	write_text("floodgate.conf",
	    "event_timeout = 1500ms\nlisten_mode = 0600\n"
	    "ipv6_prefix = 56 tag_separator = '+'\n"
	    "list \"a\" { networks = {\"192.0.2.0/24\"} }\n"
	    "policy \"p\" {\n"
	    "\tspeak = early except = {\"user:a\"}\n"
	    "\tlimit \"mine\" { per = {\"recipient\", \"client\"} "
	    "count = bytes allow = {\"10M/1d\", \"1G/4w\"} }\n"
	    "\tcheck \"sender_denied\" { lists = \"a\" mode = observe }\n"
	    "\tcheck \"too_many_recipients\" { max = 5 "
	    "reply = \"452 4.5.3 Only 5\" }\n"
	    "\tlimit \"net\" { per = client_net count = messages "
	    "allow = \"1/1h\" }\n"
	    "}\n");
	config = read_good("values", path);
	ck_assert_int_eq(config->global.event_timeout_ms, 1500);
	ck_assert_uint_eq(config->global.listen_mode, 0600);
	ck_assert_str_eq(config->global.listen, "inet:8891@127.0.0.1");
	ck_assert_str_eq(config->folding.separator, "+");
	ck_assert(config->folding.fold_case);
	ck_assert_int_eq(config->store, STORE_KIND_MEMORY);
	ck_assert_int_eq(config->memory.save_every_ms, 60000);
	ck_assert_uint_eq(config->list_count, 1);
	ck_assert_str_eq(config->lists[0].name, "a");

	ck_assert_uint_eq(config->policy_count, 1);
	policy = &config->policies[0];
	ck_assert(!policy->has_match);
	ck_assert_int_eq(policy->with.speak, SPEAK_EARLY);
	ck_assert_uint_eq(policy->with.except.count, 1);
	ck_assert_int_eq(policy->with.except.at[0].subject, SUBJECT_USER);
	ck_assert_ptr_eq(policy->with.except.at[0].list, &config->lists[0]);
	ck_assert_int_eq(policy->origin.line, 5);
	ck_assert_str_eq(policy->origin.file, path);

	/* Syntax before lists before counters; and as written. */
	ck_assert_uint_eq(policy->rule_count, 4);
	ck_assert_str_eq(policy->rules[0].name, "too_many_recipients");
	ck_assert_str_eq(policy->rules[1].name, "sender_denied");
	ck_assert_str_eq(policy->rules[2].name, "mine");
	ck_assert_str_eq(policy->rules[3].name, "net");
	ck_assert_uint_eq(policy->written[0], 2);
	ck_assert_uint_eq(policy->written[1], 1);
	ck_assert_uint_eq(policy->written[2], 0);
	ck_assert_uint_eq(policy->written[3], 3);

	rule = &policy->rules[0];
	ck_assert_ptr_eq(rule->check, check_find("too_many_recipients"));
	ck_assert_int_eq(rule->checks.max, 5);
	ck_assert_int_eq(rule->origin.line, 9);
	ck_assert_uint_eq(rule->with.reply->basic, 452);
	ck_assert_str_eq(rule->with.reply->text, "Only 5");
	ck_assert_str_eq(rule->with.reply->name, "too_many_recipients");
	rule = &policy->rules[1];
	ck_assert_int_eq(rule->with.mode, MODE_OBSERVE);
	ck_assert_ptr_eq(rule->with.reply, reply_of(REPLY_sender_denied));
	ck_assert_ptr_eq(rule->checks.lists.at[0], &config->lists[0]);
	rule = &policy->rules[2];
	ck_assert_ptr_null(rule->check);
	ck_assert_int_eq(rule->limits.count, COUNT_bytes);
	ck_assert_uint_eq(rule->limits.per.count, 2);
	ck_assert_int_eq(rule->limits.per.at[0], KEY_client);
	ck_assert_int_eq(rule->limits.per.at[1], KEY_recipient);
	ck_assert_uint_eq(rule->limits.allow.count, 2);
	ck_assert_int_eq(rule->limits.allow.at[0].rate.max, 10 << 20);
	ck_assert_int_eq(rule->limits.allow.at[0].rate.window_ms, 86400000);
	ck_assert_str_eq(rule->limits.allow.at[0].label, "1d");
	ck_assert_str_eq(rule->limits.allow.at[1].field, "mine/4w");
	ck_assert_int_eq(rule->limits.ipv6_prefix, 56);
	ck_assert_int_eq(rule->limits.ipv4_prefix, 32);
	rule = &policy->rules[3];
	ck_assert_int_eq(rule->limits.ipv4_prefix, 24);
	ck_assert_int_eq(rule->limits.ipv6_prefix, 48);
	config_close(&config);
	ck_assert_ptr_null(config);
}
END_TEST

/* What the manual says of an option is what an empty file gives. */
START_TEST(catalogue_replies_parse)
{
	for (int i = 0; i < REPLY_COUNT; i++) {
		const struct reply *row = reply_of((enum reply_id)i);
		char buffer[REPLY_LINE_OCTETS_MAX + 1];
		struct reply reply;
		struct text text;
		const char *why = "";

		TEXT_INIT(&text, buffer);
		text_printf(&text, "%d %d.%d.%d %s", row->basic,
		    row->basic / 100, row->subject, row->detail, row->text);
		ck_assert_msg(reply_parse(buffer, &reply, &why), "%s: %s",
		    row->name, why);
	}
}
END_TEST

/* --- several files */

START_TEST(includes_stand_in_their_place)
{
	struct config *config;

	ck_assert_int_eq(mkdir(in_folder("sub"), 0700), 0);
	write_text("floodgate.conf", "policy \"1\" { }\n"
	    "include = {\"a.conf\", \"sub/*.conf\", \"none/*.conf\"}\n"
	    "policy \"6\" { except = {\"l\"} }\n");
	write_text("a.conf", "log_level = debug\npolicy \"2\" { }\n");
	write_text("sub/c.conf", "policy \"3\" { }\n"
	    "include = {\"../b.conf\"}\n");
	write_text("sub/c2.conf", "policy \"5\" { }\n"
	    "list \"l\" { file = \"list\" }\n");
	write_text("sub/list", "192.0.2.1\n");
	write_text("b.conf", "policy \"4\" { }\n");
	config = read_good("includes", path);
	ck_assert_uint_eq(config->policy_count, 6);
	for (size_t i = 0; i < 6; i++)
		ck_assert_int_eq(config->policies[i].name[0], '1' + (int)i);
	ck_assert_int_eq(config->global.log_level, LEVEL_DEBUG);
	ck_assert_str_eq(config->list_options[0].file,
	    in_folder("sub/list"));
	print_twice("includes", config);
	config_close(&config);
}
END_TEST

/* Ten files below each other are fine, eleven are a mistake. */
START_TEST(includes_have_a_depth)
{
	struct problems problems;

	ck_assert_int_eq(mkdir(in_folder("sub"), 0700), 0);
	write_text("floodgate.conf", "include = {\"sub/0\"}\n");
	for (int i = 0; i < 11; i++) {
		char name[16], line[32];
		struct text text;

		TEXT_INIT(&text, name);
		text_printf(&text, "sub/%d", i);
		TEXT_INIT(&text, line);
		text_printf(&text, "include = {\"%d\"}\n", i + 1);
		write_text(name, i < 10 ? line : "");
	}
	problems_init(&problems);
	ck_assert_ptr_null(conffile_read(path, &problems));
	compare_problems("11", &problems, "1: deeper than ten files");
	problems_clear(&problems);
	write_text("sub/9", "");
	config_close(&(struct config *){ read_good("10", path) });
	for (int i = 0; i < 11; i++) {
		char name[16];
		struct text text;

		TEXT_INIT(&text, name);
		text_printf(&text, "sub/%d", i);
		remove(in_folder(name));
	}
}
END_TEST

/* The pattern is what `include` says, not what directories are called. */
START_TEST(directory_with_marks_of_patterns)
{
	struct config *config;

	ck_assert_int_eq(mkdir(in_folder("s[u]b"), 0700), 0);
	write_text("s[u]b/a.conf", "include = {\"?.inc\"}\n");
	write_text("s[u]b/b.inc", "policy \"b\" { }\n");
	config = read_good("[u]", in_folder("s[u]b/a.conf"));
	ck_assert_uint_eq(config->policy_count, 1);
	config_close(&config);
	remove(in_folder("s[u]b/a.conf"));
	remove(in_folder("s[u]b/b.inc"));
	remove(in_folder("s[u]b"));
}
END_TEST

static const struct {
	const char *name, *main, *a, *b, *want;
} includes[] = {
	{ "none there", "\ninclude = {\n\"none.conf\"}\n", "", "",
	    "3: cannot read" },
	{ "nothing named", "include = {\"\"}\n", "", "", "1: include:" },
	{ "itself", "include = {\"floodgate.conf\"}\n", "", "",
	    "1: not by itself" },
	{ "itself by way of another", "include = {\"a.conf\"}\n",
	    "\ninclude = {\"floodgate.conf\"}\n", "", "2: not by itself" },
	{ "twice", "include = {\"a.conf\", \"a.conf\"}\n", "", "",
	    "1: once" },
	{ "a pattern that matches the file itself",
	    "include = {\"f*.conf\"}\n", "", "", "1: not by itself" },
	{ "option in two files", "log_level = info\ninclude = {\"a.conf\"}\n",
	    "\nlog_level = info\n", "", "2: log_level stands in " },
	{ "policy in two files",
	    "policy \"x\" { }\ninclude = {\"a.conf\"}\n",
	    "\npolicy \"x\" { }\n", "", "2: policy \"x\" stands in " },
	{ "store in two files",
	    "include = {\"a.conf\", \"b.conf\"}\n",
	    "store \"memory\" { }\n", "\n\nstore \"redis\" { }\n",
	    "3: a store stands in " },
	{ "problems in the order of files",
	    "include = {\"a.conf\", \"b.conf\"}\nfoo = 1\n", "x = 1\ny = 1\n",
	    "z = 1\n", "2: \"foo\"\n1: \"x\"\n2: \"y\"\n1: \"z\"" },
	{ "not in a section", "policy \"x\" { include = {\"a.conf\"} }\n",
	    "", "", "1: it belongs in the top level" },
};

START_TEST(include)
{
	struct problems problems;
	struct config *config;

	write_text("floodgate.conf", includes[_i].main);
	write_text("a.conf", includes[_i].a);
	write_text("b.conf", includes[_i].b);
	problems_init(&problems);
	config = conffile_read(path, &problems);
	compare_problems(includes[_i].name, &problems, includes[_i].want);
	ck_assert_ptr_null(config);
	problems_clear(&problems);
}
END_TEST

START_TEST(file_that_is_not)
{
	struct problems problems;

	problems_init(&problems);
	ck_assert_ptr_null(conffile_read(in_folder("none"), &problems));
	ck_assert_uint_eq(problems.count, 1);
	ck_assert_int_eq(problems.at[0].line, 0);
	ck_assert_str_eq(problems.at[0].file, in_folder("none"));
	problems_clear(&problems);
}
END_TEST

START_TEST(nul_is_reported)
{
	static const char text[] = "user = \"\"\nuser\0 = 1\n";
	struct problems problems;

	write_file("floodgate.conf", text, sizeof(text) - 1);
	problems_init(&problems);
	ck_assert_ptr_null(conffile_read(path, &problems));
	compare_problems("NUL", &problems,
	    "2: control octet 0x00\n2: stands in line 1");
	problems_clear(&problems);
}
END_TEST

START_TEST(password_for_all_to_read)
{
	struct problems problems;
	struct config *config;

	write_text("floodgate.conf",
	    "store \"redis\" { password_file = \"secret\" }\n");
	write_text("secret", "x\n");
	problems_init(&problems);
	ck_assert_int_eq(chmod(in_folder("secret"), 0644), 0);
	ck_assert_ptr_null(conffile_read(path, &problems));
	compare_problems("0644", &problems, "1: everybody may read it");
	problems_clear(&problems);
	ck_assert_int_eq(chmod(in_folder("secret"), 0640), 0);
	config = read_good("0640", path);
	ck_assert_str_eq(config->redis.password_file, in_folder("secret"));
	config_close(&config);
}
END_TEST

START_TEST(maps_are_read_once)
{
	struct config *config;
	const struct policy *policy;

	write_text("map", "info@example.com alice\n");
	write_text("floodgate.conf", P("check \"sender_not_owned\" "
	    "{ map = \"map\" }\n"
	    "check \"sender_not_owned\" { map = \"./map\" }\n"
	    "check \"sender_not_owned\" { map = \"map\" self = false }"));
	config = read_good("maps", path);
	policy = &config->policies[0];
	ck_assert_ptr_eq(policy->rules[0].checks.map,
	    policy->rules[2].checks.map);
	ck_assert(policy->rules[0].checks.self);
	ck_assert(!policy->rules[2].checks.self);
	print_twice("maps", config);
	config_close(&config);
}
END_TEST

/* --- sizes */

/* 6 limits of 8 windows fill an event; open ones are another event. */
static void
write_limits(int count)
{
	FILE *to = fopen(path, "w");

	ck_assert_ptr_nonnull(to);
	fputs("policy \"p\" {\n", to);
	for (int i = 0; i < count; i++)
		fprintf(to, "limit \"l%d\" { per = user count = messages "
		    "allow = {\"1/1s\", \"1/2s\", \"1/3s\", \"1/4s\", "
		    "\"1/5s\", \"1/6s\", \"1/7s\", \"1/8s\"} }\n", i);
	fputs("limit \"client_connections\" { allow = 9 }\n", to);
	fputs("limit \"off\" { per = user count = messages allow = \"1/1h\" "
	    "mode = off }\n}\n", to);
	fclose(to);
}

START_TEST(charges_of_one_event)
{
	struct problems problems;
	struct config *config;

	write_limits(6);
	config = read_good("48 windows", path);
	config_close(&config);
	write_limits(7);
	problems_init(&problems);
	ck_assert_ptr_null(conffile_read(path, &problems));
	compare_problems("56 windows", &problems,
	    "1: may have 48 rates together, these have 56");
	problems_clear(&problems);
}
END_TEST

START_TEST(rules_of_one_policy)
{
	struct problems problems;
	FILE *to = fopen(path, "w");

	ck_assert_ptr_nonnull(to);
	fputs("policy \"p\" {\n", to);
	for (int i = 0; i < 257; i++)
		fputs("check \"helo_localhost\" { }\n", to);
	fputs("}\n", to);
	fclose(to);
	problems_init(&problems);
	ck_assert_ptr_null(conffile_read(path, &problems));
	compare_problems("257", &problems,
	    "1: at most 256 checks and limits in a policy, saw 257");
	problems_clear(&problems);
}
END_TEST

START_TEST(file_too_large)
{
	struct problems problems;
	FILE *to = fopen(path, "w");

	ck_assert_ptr_nonnull(to);
	for (int i = 0; i < 5 << 20; i++)
		putc('\n', to);
	fclose(to);
	problems_init(&problems);
	ck_assert_ptr_null(conffile_read(path, &problems));
	compare_problems("5M", &problems, "0: larger than 4M");
	problems_clear(&problems);
}
END_TEST

static void
write_sections(int count)
{
	FILE *to = fopen(path, "w");

	ck_assert_ptr_nonnull(to);
	for (int i = 0; i < count; i++)
		fprintf(to, "list \"l%d\" { networks = {\"192.0.2.1\"} }\n"
		    "policy \"p%d\" { match { clients = {\"l%d\"} }\n"
		    "limit \"quota_user\" { allow = \"100/1h\" } }\n", i, i,
		    i);
	fclose(to);
}

START_TEST(a_thousand_sections)
{
	struct problems problems;
	struct config *config;

	write_sections(1000);
	config = read_good("1000", path);
	ck_assert_uint_eq(config->policy_count, 1000);
	config_close(&config);
	write_sections(1001);
	problems_init(&problems);
	ck_assert_ptr_null(conffile_read(path, &problems));
	ck_assert_str_eq(problems.at[problems.count - 1].file, path);
	ck_assert_int_eq(problems.at[0].line, 3001);
	problems_clear(&problems);
}
END_TEST

/* Depth costs nothing, known or not. */
START_TEST(deep_nesting)
{
	struct problems problems;
	FILE *to = fopen(path, "w");

	ck_assert_ptr_nonnull(to);
	for (int i = 0; i < 200000; i++)
		fputs("a {\n", to);
	fclose(to);
	problems_init(&problems);
	ck_assert_ptr_null(conffile_read(path, &problems));
	ck_assert_uint_eq(problems.count, 2);
	problems_clear(&problems);
}
END_TEST

/* What is no configuration at all is not read to its end. */
START_TEST(too_many_problems)
{
	static const char *const lines[] = { "x = 1\n", ";\n", "\001\n" };
	struct problems problems;

	for (int i = 0; i < ROWS(lines); i++) {
		FILE *to = fopen(path, "w");

		ck_assert_ptr_nonnull(to);
		for (int j = 0; j < 100000; j++)
			fputs(lines[i], to);
		fclose(to);
		problems_init(&problems);
		ck_assert_ptr_null(conffile_read(path, &problems));
		ck_assert_uint_ge(problems.count, 1000);
		ck_assert_uint_le(problems.count, 1010);
		problems_clear(&problems);
	}
}
END_TEST

/* --- damage: each gives a configuration or problems, never a crash */

static char sample[32 * 1024];
static size_t sample_length;

/* The sample that is installed; its files are beside it. */
static void
load_sample(void)
{
	char name[1024];
	const char *source = getenv("srcdir");
	struct text text;
	FILE *from;

	TEXT_INIT(&text, name);
	text_printf(&text, "%s/etc/floodgate.conf", source ? source : ".");
	from = fopen(name, "r");
	ck_assert_msg(from != NULL, "cannot read %s", name);
	sample_length = fread(sample, 1, sizeof(sample) - 1, from);
	ck_assert(sample_length < sizeof(sample) - 1);
	sample[sample_length] = '\0';
	fclose(from);
	write_text("list", "192.0.2.1\n");
}

static void
try_damaged(const char *octets, size_t length)
{
	struct problems problems;
	struct config *config;

	write_file("floodgate.conf", octets, length);
	problems_init(&problems);
	config = conffile_read(path, &problems);
	ck_assert((config != NULL) == (problems.count == 0));
	for (size_t i = 0; i < problems.count; i++)
		ck_assert_int_ge(problems.at[i].line, 1);
	config_close(&config);
	problems_clear(&problems);
}

START_TEST(sample_is_good)
{
	const char *source = getenv("srcdir");
	struct config *config;
	struct text text;
	char name[1024];

	TEXT_INIT(&text, name);
	text_printf(&text, "%s/etc/floodgate.conf", source ? source : ".");
	config = read_good("sample", name);
	ck_assert_uint_eq(config->policy_count, 2);
	print_twice("sample", config);
	config_close(&config);
}
END_TEST

START_TEST(every_prefix)
{
	load_sample();
	for (size_t length = 0; length <= sample_length; length++)
		try_damaged(sample, length);
}
END_TEST

START_TEST(every_line_deleted_or_doubled)
{
	static char damaged[2 * sizeof(sample)];

	load_sample();
	for (size_t at = 0; at < sample_length;) {
		size_t length = strcspn(sample + at, "\n") + 1;
		struct text text;

		if (at + length > sample_length)
			length = sample_length - at;
		TEXT_INIT(&text, damaged);
		text_put_n(&text, sample, at);
		text_put_n(&text, sample + at + length,
		    sample_length - at - length);
		try_damaged(text.at, text.length);
		TEXT_INIT(&text, damaged);
		text_put_n(&text, sample, at + length);
		text_put_n(&text, sample + at, sample_length - at);
		try_damaged(text.at, text.length);
		at += length;
	}
}
END_TEST

/* Marks where they do not belong. */
START_TEST(every_octet_replaced)
{
	static const char marks[] = "{}\"'=,;#*\\$\n";

	load_sample();
	for (size_t at = 0; at < sample_length; at++) {
		char kept = sample[at];

		sample[at] = marks[at % (sizeof(marks) - 1)];
		try_damaged(sample, sample_length);
		sample[at] = kept;
	}
}
END_TEST

static void
add_rows(TCase *rows)
{
	tcase_add_loop_test(rows, word, 0, ROWS(words));
	tcase_add_loop_test(rows, structured, 0, ROWS(structure));
	tcase_add_loop_test(rows, value, 0, ROWS(values));
	tcase_add_loop_test(rows, policy_row, 0, ROWS(policies));
	tcase_add_loop_test(rows, include, 0, ROWS(includes));
	tcase_add_test(rows, values_arrive);
	tcase_add_test(rows, catalogue_replies_parse);
	tcase_add_test(rows, includes_stand_in_their_place);
	tcase_add_test(rows, includes_have_a_depth);
	tcase_add_test(rows, directory_with_marks_of_patterns);
	tcase_add_test(rows, file_that_is_not);
	tcase_add_test(rows, nul_is_reported);
	tcase_add_test(rows, password_for_all_to_read);
	tcase_add_test(rows, maps_are_read_once);
	tcase_add_test(rows, charges_of_one_event);
	tcase_add_test(rows, rules_of_one_policy);
	tcase_add_test(rows, file_too_large);
	tcase_add_test(rows, a_thousand_sections);
	tcase_add_test(rows, deep_nesting);
	tcase_add_test(rows, too_many_problems);
	tcase_add_test(rows, sample_is_good);
}

int
main(void)
{
	Suite *suite = suite_create("conffile");
	TCase *rows = tcase_create("rows"), *damage = tcase_create("damage");

	tcase_add_checked_fixture(rows, make_folder, remove_folder);
	tcase_set_timeout(rows, 60);
	add_rows(rows);
	suite_add_tcase(suite, rows);
	tcase_add_checked_fixture(damage, make_folder, remove_folder);
	tcase_set_timeout(damage, 300);
	tcase_add_test(damage, every_prefix);
	tcase_add_test(damage, every_line_deleted_or_doubled);
	tcase_add_test(damage, every_octet_replaced);
	suite_add_tcase(suite, damage);
	return run_suite(suite);
}
