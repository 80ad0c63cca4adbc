-- charge.lua - the grouped sliding window of core/window.h, inside Redis
--
-- KEYS: one hash for each subject; one field of it is one counter.
-- ARGV[1] says what to do with the rest:
--   charge  all or none
--   peek    count nothing, say what is used
--     for each key: the number of its charges, their fields, the same ones
--     side by side, then for each charge: max ("-": none), window in ms,
--     label, weight. After all keys, for each subject that must not be
--     marked: its number in KEYS, and "0", or "1" to be told only. The
--     answer: the time in ms, used of each; and when some are full, ms to
--     wait for each, 0 for those that are not; and when something is noted
--     on the subjects, a list of pairs: of a charge its number and its max
--     now, of a question its number below 0 and the subject's marks.
--   charge+, peek+
--     the same with ARGV[2] the number of KEYS that are hashes; the others
--     are sorted sets. A fifth word for each charge says when it is counted:
--     "0" when all pass, "a" always, "r" when some are full, or a subject is
--     marked, but none is full that is of this kind, "n" never; and of a
--     count of different ones, after dots, the number of its KEY, max, the
--     element. Of these the used is negative when the element was there.
--     After "0" and a dot alone: how many more may be taken along. Of what
--     was, the list of pairs has the number of the charge and of all charges
--     together, and how many they were.
--   unsee   of each set in KEYS: an element, to be removed, and when it was
--           seen; it stays if it was seen since. The answer: the time.
--   refund
--     for each key: the number of its refunds, their fields, then for each:
--     weight, window in ms, when it was charged ("+": then or later). The
--     answer: the time.
--   show    the answer: the time, then HGETALL of KEYS[1].
--   marks   the answer: the time, the marks of KEYS[1] or "".
--   mark    note ARGV[3], whose name is ARGV[2], on KEYS[1], which may bear
--           ARGV[4] marks; ARGV[5] "1": unless something refuses it already.
--   lift    take what is named ARGV[2] off KEYS[1].
--           The answer of both: the time; 1: done, 0: nothing to do, -1: no
--           room; when the last mark ends in ms, 0: none ends, -1: no mark.
--   forget  drop counter ARGV[2] of KEYS[1], or all of them. The answer: the
--           time, how many they were.
--   index   subject ARGV[2] was changed. KEYS[1] is a sorted set of marked
--           subjects by when the last mark ends, KEYS[2] one of changes by
--           time. ARGV[3]: the end as above, or "" if that is not changed.
--           The answer: the time, 1, or -1: not allowed.
--   marked  the answer: the time, how many KEYS[1] has; from number ARGV[2]
--           on, at most ARGV[3] of them.
--   changed the answer: the time, how many follow or -1; what KEYS[1] has
--           since ARGV[2] (0: lately), at most ARGV[3] and one.
--   hosts   say that host ARGV[2] lives for ARGV[3] ms from now, 0: it
--           leaves. KEYS[1] is a sorted set of hosts by the time when they
--           are given up. The answer: the time, how many live, or -1.
--
--   check   try each command of this script on KEYS[1], a hash, and KEYS[2], a
--           sorted set, which are gone afterwards. The answer: 0; or in pairs,
--           what could not be done and why.
--
-- A value begins with text for people, "used/max/window " ("used" is as of
-- the last charge), of which a label is what follows "used", together with
-- the version octet after it. Then, for this script: the total; the newest
-- group: times of its first and its last event, count (0: there is no
-- group); when the oldest group's last event was (none older: when the first
-- of the newest was); the older groups, oldest first: time of the last
-- event, count. Times are 48 bits of ms, counts 56 bits, so that no number
-- is ever printed as a rounded one. What does not look like this starts anew.
--
-- A count of different ones has a sorted set, whose key is that of its hash,
-- a slash and the field, or a hash of it (redis_key.h): elements by the time
-- when each was seen last, at most max + 1 of them. The value in the hash is
-- for people and `show`: the same text, another version octet, and the window
-- in ms.
--
-- A subject's marks are the field @marks, which no counter is named: see
-- io/mark_text.h. Who has none costs one field more to read.
--
-- No text of the caller's comes back in an error: a server of old could be
-- made to send a forged reply that way (CVE-2025-67733).

-- Before TIME, which may be what must not be done.
if ARGV[1] == 'check' then
	local hash, set = KEYS[1], KEYS[2]
	local answer = {}
	for _, words in ipairs({{'TIME'},
	    {'HSET', hash, 'f', '1'}, {'PEXPIRE', hash, '1000'},
	    {'PTTL', hash}, {'EXISTS', hash}, {'HGET', hash, 'f'},
	    {'HMGET', hash, 'f'}, {'HGETALL', hash}, {'HKEYS', hash},
	    {'HDEL', hash, 'f'},
	    {'ZADD', set, '1', 'f'}, {'PEXPIRE', set, '1000'},
	    {'ZCARD', set}, {'ZCOUNT', set, '-inf', '+inf'},
	    {'ZRANGE', set, '0', '0'}, {'ZSCORE', set, 'f'},
	    {'ZRANGEBYSCORE', set, '-inf', '+inf'},
	    {'ZREMRANGEBYSCORE', set, '0', '0'},
	    {'ZREMRANGEBYRANK', set, '1', '1'}, {'ZREM', set, 'f'}}) do
		local done = redis.pcall(unpack(words))
		if type(done) == 'table' and done.err then
			answer[#answer + 1] = words[1]
			answer[#answer + 1] = done.err
		end
	end
	return #answer > 0 and answer or {0}
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Nearly every charge only adds to groups that are open: then this is all,
-- and the rest of the script is not even set up. False when there is more to
-- it, with nothing done. The key lives long enough: see save().
local function charge_open_groups()
	local call, find, sub = redis.call, string.find, string.sub
	local format = string.format
	local pack, unpack_binary = struct.pack, struct.unpack
	local answer, saves = {now}, {}
	local at = 2
	for k = 1, #KEYS do
		local count = ARGV[at] + 0
		local values = call('HMGET', KEYS[k], '@marks',
		    unpack(ARGV, at + 1, at + count))
		local save = {'HSET', KEYS[k]}
		local charge = at + count + 1
		if values[1] then
			return false
		end
		for i = 1, count do
			local value, field = values[i + 1], ARGV[at + i]
			local limit, window = ARGV[charge], ARGV[charge + 1]
			local label, weight = ARGV[charge + 2], ARGV[charge + 3]
			local _, head
			if value then
				_, head = find(value, label, 1, true)
			end
			if not head or #value < head + 32 or weight == '0' or
			    field == save[#save - 1] then
				return false
			end
			local total, start, last, newest, oldest =
			    unpack_binary('>I7I6I6I7I6', value, head + 1)
			total = total + weight
			if (limit ~= '-' and total > limit + 0) or
			    newest == 0 or now < last or
			    now - start >= window / 60 or
			    now - oldest >= window + 0 or
			    total >= 2^53 - 1 then
				return false
			end
			save[#save + 1] = field
			save[#save + 1] = format('%d', total) .. label ..
			    pack('>I7I6I6I7I6', total, start, now,
			    newest + weight, oldest) .. sub(value, head + 33)
			answer[#answer + 1] = total
			charge = charge + 4
		end
		saves[k] = save
		at = charge
	end
	for k = 1, #saves do
		if #saves[k] > 2 then
			call(unpack(saves[k]))
		end
	end
	return answer
end

if ARGV[1] == 'charge' then
	local answer = charge_open_groups()
	if answer then
		return answer
	end
end

local SLOTS = 60
local GROUPS_MAX = 64
local COUNT_MAX = 9007199254740991
-- A clock that steps back further than this (ms) shifts the groups, so that
-- nobody waits for more than a window; a smaller step stands still.
local STEP_MAX = 1000
local HEAD, HEAD_SIZE = '>I7I6I6I7I6', 32
local GROUP, GROUP_SIZE = '>I6I7', 13

local pack, unpack_binary = struct.pack, struct.unpack
local ceil = math.ceil
local min, max_of = math.min, math.max
local format, sub = string.format, string.sub

-- A counter: total, start, its own now, and the older groups as they are
-- stored; the newest itself is last, count (0: there is no group). `label`
-- is false when there was no counter.
local function read(value)
	local label, at
	if value then
		label, at = string.match(value, '^%d+(/%d+/%w+ \2)()')
	end
	local size = at and #value - at + 1 - HEAD_SIZE
	if not at or size < 0 or size % GROUP_SIZE ~= 0 or
	    size >= GROUPS_MAX * GROUP_SIZE then
		return {label = false, total = 0, start = 0, now = now,
		    groups = '', last = 0, count = 0}
	end
	local total, start, last, count = unpack_binary(HEAD, value, at)
	return {label = label, total = total, start = start,
	    now = max_of(now, last), groups = sub(value, at + HEAD_SIZE),
	    last = last, count = count}
end

local function write(counter, label)
	local oldest = counter.start
	if counter.groups ~= '' then
		oldest = unpack_binary(GROUP, counter.groups)
	end
	return format('%.0f', counter.total) .. label ..
	    pack(HEAD, counter.total, counter.start, counter.last,
	    counter.count, oldest) .. counter.groups
end

-- Make the newest event happen now.
local function shift_back(counter)
	local by = counter.last - now
	local shifted = {}
	for at = 1, #counter.groups, GROUP_SIZE do
		local last, count = unpack_binary(GROUP, counter.groups, at)
		shifted[#shifted + 1] = pack(GROUP, max_of(last - by, 0), count)
	end
	counter.groups = table.concat(shifted)
	counter.start = max_of(counter.start - by, 0)
	counter.last, counter.now, counter.shifted = now, now, true
end

local function expire(counter, window)
	local first = 1
	while first < #counter.groups do
		local last, count = unpack_binary(GROUP, counter.groups, first)
		if counter.now - last < window then
			break
		end
		counter.total = counter.total - count
		first = first + GROUP_SIZE
	end
	counter.groups = sub(counter.groups, first)
	if counter.count > 0 and counter.now - counter.last >= window then
		counter.count = 0
	end
	if counter.groups == '' then
		counter.total = counter.count
	end
end

-- How long until `weight` more would pass.
local function wait(counter, window, limit, weight)
	if weight > limit then
		return window
	end
	local excess = counter.total + weight - limit
	for at = 1, #counter.groups, GROUP_SIZE do
		local last, count = unpack_binary(GROUP, counter.groups, at)
		excess = excess - count
		if excess <= 0 then
			return last + window - counter.now
		end
	end
	return counter.last + window - counter.now
end

-- Put the newest group with the older ones.
local function close_newest(counter)
	local groups = counter.groups
	if #groups >= (GROUPS_MAX - 1) * GROUP_SIZE then
		-- only after a window was made longer: join the two oldest
		local _, count = unpack_binary(GROUP, groups, 1)
		local last, more = unpack_binary(GROUP, groups, 1 + GROUP_SIZE)
		groups = pack(GROUP, last, count + more) ..
		    sub(groups, 1 + 2 * GROUP_SIZE)
	end
	counter.groups = groups .. pack(GROUP, counter.last, counter.count)
	counter.count = 0
end

local function add(counter, window, weight)
	if counter.count > 0 and
	    counter.now - counter.start >= ceil(window / SLOTS) then
		close_newest(counter)
	end
	if counter.count == 0 then
		counter.start = counter.now
	end
	counter.last = counter.now
	counter.count = min(counter.count + weight, COUNT_MAX)
	counter.total = min(counter.total + weight, COUNT_MAX)
end

-- From the group of that time, the first whose last event is not before it. If
-- that began later, the counter was forgotten since: nothing is there.
local function refund(counter, when, weight, or_later)
	if counter.count == 0 or when > counter.last then
		return
	end
	local groups = counter.groups ..
	    pack(GROUP, counter.last, counter.count)
	local newest = #counter.groups + 1
	local at, last, count = newest, counter.last, counter.count
	while at > 1 do
		local older, more = unpack_binary(GROUP, groups,
		    at - GROUP_SIZE)
		if older < when then
			break
		end
		at, last, count = at - GROUP_SIZE, older, more
	end
	if at == newest and when < counter.start and not or_later then
		return
	end
	local less = min(weight, count)
	counter.total = max_of(counter.total - less, 0)
	local group = ''
	if count > less then
		group = pack(GROUP, last, count - less)
	elseif at == newest then
		counter.start = 0	-- of the group before: not known
	end
	groups = sub(groups, 1, at - 1) .. group ..
	    sub(groups, at + GROUP_SIZE)
	if groups == '' then
		counter.groups, counter.count = '', 0
		return
	end
	newest = #groups - GROUP_SIZE + 1
	counter.last, counter.count = unpack_binary(GROUP, groups, newest)
	counter.groups = sub(groups, 1, newest - 1)
end

-- The marks of a text that have not ended: name, till, text of each.
local function read_marks(value)
	local marks = {}
	for mark in string.gmatch(value or '', '[^;]+') do
		local text, name, till =
		    string.match(mark, '^ ?((%S+) (%d+).*)$')
		if till and (till == '0' or tonumber(till) > now) then
			marks[#marks + 1] = {name = name, till = tonumber(till),
			    text = text}
		end
	end
	return marks
end

local function refuses(mark)
	return mark.name == 'blocked' or mark.name == 'suspended'
end

-- What is noted on a subject of a charge: the max of some counters.
local function note_marks(subject, value)
	local marks = read_marks(value)
	if #marks == 0 then
		redis.call('HDEL', subject.key, '@marks')
		return
	end
	subject.marks, subject.max = value, {}
	for _, mark in ipairs(marks) do
		local field = string.match(mark.name, '^override/(.+)$')
		if field then
			subject.max[field] = tonumber(string.match(mark.text,
			    '^%S+ %S+ %S+ (%d+)'))
		end
		subject.refused = subject.refused or refuses(mark)
	end
end

-- The pairs that the answer brings of subjects that must not be marked, and
-- whether one of them is, and is not only observed.
local function ask_marks(subjects, at)
	local noted, marked = {}, false
	for question = 1, (#ARGV - at + 1) / 2 do
		local subject =
		    subjects[tonumber(ARGV[at + 2 * question - 2])]
		if subject.refused then
			noted[#noted + 1] = -question
			noted[#noted + 1] = subject.marks
			marked = marked or
			    ARGV[at + 2 * question - 1] == '0'
		end
	end
	return noted, marked
end

-- One HMGET for each of the first `keys` subjects, described from ARGV[at]
-- on. The result: the subjects, and in order what is asked of each counter:
-- `words` says where ARGV has its `width` words; and where ARGV goes on.
local function load(width, keys, at)
	local subjects, asked = {}, {}
	for k = 1, keys do
		local count = tonumber(ARGV[at])
		local values = redis.call('HMGET', KEYS[k], '@marks',
		    unpack(ARGV, at + 1, at + count))
		local subject = {key = KEYS[k], counters = {}}
		if values[1] then
			note_marks(subject, values[1])
		end
		for i = 1, count do
			local field = ARGV[at + i]
			local counter = subject.counters[field] or
			    read(values[i + 1])
			if counter.last > now + STEP_MAX then
				shift_back(counter)
			end
			subject.counters[field] = counter
			asked[#asked + 1] = {subject = subject, field = field,
			    counter = counter,
			    words = at + count + 1 + (i - 1) * width}
		end
		subjects[k] = subject
		at = at + 1 + count * (1 + width)
	end
	return subjects, asked, at
end

-- One HSET for each subject that changed, and a time to live that no longer
-- window of another limit is cut short by. It is made longer by what a group
-- may stay open, so that adding to one need not look at it, and by as much
-- again, so that it need not be set anew with every group.
local function save(subjects)
	for _, subject in ipairs(subjects) do
		if subject.changes then
			redis.call('HSET', subject.key,
			    unpack(subject.changes))
			local slot = ceil(subject.live / SLOTS)
			local live = subject.live + slot
			if redis.call('PTTL', subject.key) < live then
				live = live + slot + STEP_MAX
				redis.call('PEXPIRE', subject.key,
				    format('%.0f', live))
			end
		end
	end
end

local function change(subject, field, value, live)
	subject.changes = subject.changes or {}
	subject.changes[#subject.changes + 1] = field
	subject.changes[#subject.changes + 1] = value
	subject.live = max_of(subject.live or 0, live)
end

-- The sorted set of one that is asked, as far as it is in the window. What
-- was seen in the future, before the clock stepped back, was seen now.
local function open_set(sets, one, key)
	local set = sets[key]
	if set then
		return set
	end
	local future = redis.call('ZRANGEBYSCORE', key,
	    format('(%.0f', now + STEP_MAX), '+inf')
	for _, element in ipairs(future) do
		redis.call('ZADD', key, format('%.0f', now), element)
	end
	set = {key = key, since = format('(%.0f', now - one.window),
	    more = 0, asked = {}, counted = {}}
	set.used = redis.call('ZCOUNT', key, set.since, '+inf')
	sets[key] = set
	return set
end

-- How long until the element would pass; 0 for one that is there.
local function ask_set(one, limit)
	local set = one.set
	local seen = redis.call('ZSCORE', set.key, one.element)
	one.known = seen and seen + one.window > now
	if one.known or one.weight == 0 or set.asked[one.element] then
		return 0
	end
	set.asked[one.element] = true
	set.more = set.more + 1
	local excess = limit and set.used + set.more - limit or 0
	if excess <= 0 then
		return 0
	elseif excess > set.used then
		return one.window
	end
	local leaves = redis.call('ZRANGEBYSCORE', set.key, set.since, '+inf',
	    'WITHSCORES', 'LIMIT', excess - 1, 1)
	return leaves[2] + one.window - now
end

local function see(one)
	local set = one.set
	one.known = one.known or set.counted[one.element]
	set.counted[one.element] = true
	redis.call('ZREMRANGEBYSCORE', set.key, '-inf',
	    format('%.0f', now - one.window))
	redis.call('ZADD', set.key, format('%.0f', now), one.element)
	set.used = redis.call('ZCARD', set.key)
	if set.used > one.most + 1 then
		redis.call('ZREMRANGEBYRANK', set.key, 0,
		    set.used - one.most - 2)
		set.used = one.most + 1
	end
	redis.call('PEXPIRE', set.key, format('%.0f', one.window + STEP_MAX))
	change(one.subject, one.field, format('%.0f', set.used) ..
	    ARGV[one.words + 2] .. format('%.0f', one.window), one.window)
end

-- How long until one window would pass. What counts although it is refused
-- has to wait for itself, too.
local function ask_window(one, limit)
	local counter = one.counter
	if not counter.pending then
		expire(counter, one.window)
		counter.pending = 0
	end
	counter.pending = counter.pending + one.weight
	if not limit or counter.total + counter.pending <= limit then
		return 0
	end
	local weight = counter.pending
	if one.when == 'a' then
		weight = weight + one.weight
	end
	return wait(counter, one.window, limit, weight)
end

local function is_counted(one, waits)
	if one.weight == 0 or one.when == 'n' then
		return false
	elseif one.when == 'a' then
		return true
	elseif one.when == 'r' then
		return (waits.any or waits.marked) and not waits.refusals
	end
	return not waits.any and not waits.marked
end

-- What the fifth word says.
local function read_kind(one, sets)
	local word = ARGV[one.words + 4]
	one.along = tonumber(string.match(word, '^0%.(%d+)$'))
	local key, most, element =
	    string.match(word, '^.%.(%d+)%.(%d+)%.(%x+)$')
	one.when = sub(word, 1, 1)
	if key then
		one.most, one.element = tonumber(most), element
		one.set = open_set(sets, one, KEYS[tonumber(key)])
	end
end

-- How many more are taken along, once all that is asked for has room: half of
-- what is left at most, so that who shares the limit finds some, too.
local function take_along(one)
	local counter = one.counter
	local more = one.along
	if one.limit then
		local free = one.limit - counter.total - counter.pending
		more = max_of(min(more, math.floor(free / 2)), 0)
	end
	counter.pending = counter.pending + more
	return more
end

local function charge(counts, extended)
	local subjects, asked, at
	if extended then
		subjects, asked, at = load(5, tonumber(ARGV[2]), 3)
	else
		subjects, asked, at = load(4, #KEYS, 2)
	end
	local noted, marked = ask_marks(subjects, at)
	local waits, sets = {marked = marked}, {}
	for i, one in ipairs(asked) do
		local limit = tonumber(ARGV[one.words])	-- nil: none
		local max = one.subject.max and one.subject.max[one.field]
		if max then
			noted[#noted + 1] = i
			noted[#noted + 1] = max
			limit = limit and max
		end
		one.limit = limit
		one.window = tonumber(ARGV[one.words + 1])
		one.weight = tonumber(ARGV[one.words + 3])
		if extended then
			read_kind(one, sets)
			one.most = max or one.most
		end
		waits[i] = one.set and ask_set(one, limit) or
		    ask_window(one, limit)
		if waits[i] > 0 then
			waits.any = true
			waits.refusals = waits.refusals or one.when == 'r'
		end
	end
	for i, one in ipairs(asked) do
		local counter = one.counter
		if counts and is_counted(one, waits) then
			one.counted = true
			if one.set then
				see(one)
			else
				local more = one.along and take_along(one) or 0
				counter.adds = (counter.adds or 0) +
				    one.weight + more
				if more > 0 then
					noted[#noted + 1] = #asked + i
					noted[#noted + 1] = more
				end
			end
		end
	end
	for _, one in ipairs(asked) do
		local counter = one.counter
		if not one.set and (counter.adds or counter.shifted) and
		    not counter.written then
			counter.written = true
			if counter.adds then
				add(counter, one.window, counter.adds)
			end
			change(one.subject, one.field,
			    write(counter, ARGV[one.words + 2]),
			    one.window + counter.now - now)
		end
	end
	save(subjects)
	local answer = {now}
	for i, one in ipairs(asked) do
		local used = one.counter.total
		if one.set then
			used = one.set.used
			if one.counted and one.known then
				used = -used
			end
		end
		answer[i + 1] = used
	end
	for i = 1, waits.any and #asked or 0 do
		answer[#answer + 1] = waits[i]
	end
	if #noted > 0 then
		answer[#answer + 1] = noted
	end
	return answer
end

local function unsee()
	for k = 1, #KEYS do
		local element, when = ARGV[2 * k], ARGV[2 * k + 1]
		local seen = redis.call('ZSCORE', KEYS[k], element)
		if seen and tonumber(seen) == tonumber(when) then
			redis.call('ZREM', KEYS[k], element)
		end
	end
	return {now}
end

-- The sorted set of a counter, as redis_key.c names it.
local function set_key(field)
	if #KEYS[1] + 1 + #field <= 100 then
		return KEYS[1] .. '/' .. field
	end
	local hash = 0
	for i = 1, #field do
		hash = (hash * 257 + string.byte(field, i)) % 4294967291
	end
	return KEYS[1] .. '/~' .. format('%.0f', hash)
end

-- A count of different ones is shown as a counter of one group.
local function show()
	local answer = redis.call('HGETALL', KEYS[1])
	for i = 2, #answer, 2 do
		local label, window =
		    string.match(answer[i], '^%d+(/%d+/%w+ )\3(%d+)$')
		if label then
			local key = set_key(answer[i - 1])
			local since = format('(%.0f', now - window)
			local used = redis.call('ZCOUNT', key, since, '+inf')
			local oldest = redis.call('ZRANGEBYSCORE', key, since,
			    '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
			answer[i] = oldest and format('%.0f', used) .. label ..
			    '\2' .. pack(HEAD, used, oldest, oldest, used,
			    oldest) or ''
		end
	end
	table.insert(answer, 1, now)
	return answer
end

local function give_back()
	local subjects, asked = load(3, #KEYS, 2)
	for _, one in ipairs(asked) do
		local counter = one.counter
		local weight = tonumber(ARGV[one.words])
		local window = tonumber(ARGV[one.words + 1])
		local when = tonumber(ARGV[one.words + 2])
		local or_later = sub(ARGV[one.words + 2], 1, 1) == '+'
		if counter.label and counter.now - when < window then
			expire(counter, window)
			local before = counter.total
			refund(counter, when, weight, or_later)
			counter.changed = counter.changed or
			    counter.total ~= before
			counter.live = window + counter.now - now
		end
	end
	for _, subject in ipairs(subjects) do
		for field, counter in pairs(subject.counters) do
			if counter.changed then
				change(subject, field,
				    write(counter, counter.label),
				    counter.live)
			end
		end
	end
	save(subjects)
	return {now}
end

-- For good, as far as a key can live so long: ten years from each change.
local GOOD_MS = 315360000000

local UNITS = {ms = 1, s = 1000, m = 60000, h = 3600000, d = 86400000,
    w = 604800000}

-- How long a subject without marks is to be kept for its counters; at least
-- what save() would ask for.
local function counters_live(key)
	local live = 1000
	local all = redis.call('HGETALL', key)
	for i = 2, #all, 2 do
		local count, unit =
		    string.match(all[i], '^%d+/%d+/(%d+)(%a+) ')
		local window = unit and UNITS[unit] and count * UNITS[unit] or
		    31622400000
		live = max_of(live, window + 2 * ceil(window / SLOTS) +
		    STEP_MAX)
	end
	return live
end

-- The result is when the last of the marks ends; 0: none, -1: there is none.
local function save_marks(key, marks)
	local texts, last, live = {}, -1, 0
	for i, mark in ipairs(marks) do
		texts[i] = mark.text
		last = (last == 0 or mark.till == 0) and 0 or
		    max_of(last, mark.till)
	end
	if last < 0 then
		redis.call('HDEL', key, '@marks')
		if redis.call('EXISTS', key) == 1 then
			redis.call('PEXPIRE', key,
			    format('%.0f', counters_live(key)))
		end
		return last
	end
	redis.call('HSET', key, '@marks', table.concat(texts, '; '))
	live = last == 0 and GOOD_MS or last - now + STEP_MAX
	if redis.call('PTTL', key) < live then
		redis.call('PEXPIRE', key, format('%.0f', live))
	end
	return last
end

-- Without the mark of that name: the others, and whether there was one.
local function other_marks(marks, name)
	local others = {}
	for _, mark in ipairs(marks) do
		if mark.name ~= name then
			others[#others + 1] = mark
		end
	end
	return others, #others < #marks
end

local function mark()
	local marks = read_marks(redis.call('HGET', KEYS[1], '@marks'))
	for _, one in ipairs(marks) do
		if ARGV[5] == '1' and refuses(one) then
			return {now, 0, -1}
		end
	end
	marks = other_marks(marks, ARGV[2])
	if #marks >= tonumber(ARGV[4]) then
		return {now, -1, -1}
	end
	marks[#marks + 1] = read_marks(ARGV[3])[1]
	return {now, 1, save_marks(KEYS[1], marks)}
end

local function lift()
	local marks, was_there = other_marks(
	    read_marks(redis.call('HGET', KEYS[1], '@marks')), ARGV[2])
	if not was_there then
		return {now, 0, -1}
	end
	return {now, 1, save_marks(KEYS[1], marks)}
end

-- With the sorted set, where there is one.
local function forget_counter(field)
	redis.call('ZREMRANGEBYRANK', set_key(field), 0, -1)
	return redis.call('HDEL', KEYS[1], field)
end

local function forget()
	if ARGV[2] then
		return {now, forget_counter(ARGV[2])}
	end
	local fields = redis.call('HKEYS', KEYS[1])
	local count = 0
	for _, field in ipairs(fields) do
		if field ~= '@marks' then
			count = count + forget_counter(field)
		end
	end
	return {now, count}
end

local CHANGES_MS = 120000	-- how long a change is told

local function is_error(answer)
	return type(answer) == 'table' and answer.err
end

-- Not being allowed to do this is no reason to fail.
local function index()
	local done
	if ARGV[3] == '' then
		done = {}
	elseif ARGV[3] == '-1' then
		done = redis.pcall('ZREM', KEYS[1], ARGV[2])
	else
		done = redis.pcall('ZADD', KEYS[1],
		    ARGV[3] == '0' and '+inf' or ARGV[3], ARGV[2])
	end
	if is_error(done) or is_error(redis.pcall('ZADD', KEYS[2],
	    format('%.0f', now), ARGV[2])) or
	    is_error(redis.pcall('ZREMRANGEBYSCORE', KEYS[1], '-inf',
	    format('%.0f', now))) or
	    is_error(redis.pcall('ZREMRANGEBYSCORE', KEYS[2], '-inf',
	    format('%.0f', now - CHANGES_MS))) then
		return {now, -1}
	end
	redis.call('PEXPIRE', KEYS[1], format('%.0f', GOOD_MS))
	redis.call('PEXPIRE', KEYS[2], format('%.0f', CHANGES_MS))
	return {now, 1}
end

local function marked()
	redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', format('%.0f', now))
	local answer = redis.call('ZRANGE', KEYS[1], ARGV[2],
	    format('%.0f', ARGV[2] + ARGV[3] - 1))
	table.insert(answer, 1, redis.call('ZCARD', KEYS[1]))
	table.insert(answer, 1, now)
	return answer
end

-- A little more than asked for: two changes may bear the same time.
local function changed()
	local since = ARGV[2] == '0' and now - CHANGES_MS or ARGV[2] - STEP_MAX
	local answer = redis.pcall('ZRANGEBYSCORE', KEYS[1],
	    format('%.0f', since), '+inf', 'LIMIT', '0',
	    format('%.0f', ARGV[3] + 1))
	if is_error(answer) then
		return {now, -1}
	end
	table.insert(answer, 1, #answer)
	table.insert(answer, 1, now)
	return answer
end

-- Not being allowed to do this is no reason to fail.
local function hosts()
	local live = tonumber(ARGV[3])
	local done
	if live > 0 then
		done = redis.pcall('ZADD', KEYS[1], format('%.0f', now + live),
		    ARGV[2])
	else
		done = redis.pcall('ZREM', KEYS[1], ARGV[2])
	end
	if type(done) == 'table' and done.err then
		return {now, -1}
	end
	done = redis.pcall('ZREMRANGEBYSCORE', KEYS[1], '-inf',
	    format('%.0f', now))
	local count = redis.pcall('ZCARD', KEYS[1])
	if type(done) == 'table' or type(count) == 'table' then
		return {now, -1}
	end
	if live > 0 then
		redis.call('PEXPIRE', KEYS[1], format('%.0f', live))
	end
	return {now, count}
end

local others = {hosts = hosts, mark = mark, lift = lift, forget = forget,
    index = index, marked = marked, changed = changed}

if others[ARGV[1]] then
	return others[ARGV[1]]()
elseif ARGV[1] == 'marks' then
	return {now, redis.call('HGET', KEYS[1], '@marks') or ''}
elseif ARGV[1] == 'refund' then
	return give_back()
elseif ARGV[1] == 'unsee' then
	return unsee()
elseif ARGV[1] == 'show' then
	return show()
end
return charge(sub(ARGV[1], 1, 6) == 'charge', sub(ARGV[1], -1) == '+')
