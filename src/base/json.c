/* Json: values. See json.h. `Json` is json-c's json_object, which json-c represents null by a NULL pointer: setting a
 * member to NULL therefore makes it null. */
#include <remote-developer/json.h>

#include <remote-developer/strings.h>

#include <json-c/json.h>

Json *json_free(Json *j) {
        if (j)
                json_object_put(j);
        return NULL;
}

/* json-c gives its strings out as constants, but they are its own memory. */
static void erase_texts(Json *j) {
        if (json_object_is_type(j, json_type_string))
                explicit_bzero((char *) json_object_get_string(j), (size_t) json_object_get_string_len(j));
        for (size_t i = 0; i < json_length(j); i++)
                erase_texts(json_at(j, i));
        if (!json_is_object(j))
                return;
        json_object_object_foreach(j, key, value) {
                explicit_bzero(key, strlen(key));
                erase_texts(value);
        }
}

Json *json_erase(Json *j) {
        erase_texts(j);
        return json_free(j);
}

static int parse_problem(json_tokener *t, Problem *problem) {
        enum json_tokener_error e = json_tokener_get_error(t);

        if (e == json_tokener_continue || e == json_tokener_error_parse_eof)
                return problem_set(problem, -EINVAL, NULL, "The JSON ends too early");
        if (e == json_tokener_error_depth)
                return problem_set(problem, -EINVAL, NULL, "The JSON is nested more than %d deep", JSON_DEPTH_MAX);
        return problem_set(problem, -EINVAL, NULL, "The JSON is not valid at byte %zu: %s",
                           json_tokener_get_parse_end(t) + 1, json_tokener_error_desc(e));
}

/* json-c's strict mode lets through what RFC 8259 does not: control characters and broken UTF-8 in strings, a NUL in
 * a name (which it would cut off there), numbers such as 01, 1. and -.5, NaN and Infinity. What follows looks at the
 * tokens again; json-c's own check of UTF-8 would be a second one. Each function is given where a token begins and
 * returns where it ends, NULL when it is wrong. */

/* The number of "\\uXXXX", -1 where there is none. */
static long unicode_escape(const char *s, const char *end) {
        char digits[5] = {};

        if (end - s < 6 || s[0] != '\\' || s[1] != 'u')
                return -1;
        memcpy(digits, s + 2, 4);
        return strspn(digits, "0123456789abcdefABCDEF") == 4 ? strtol(digits, NULL, 16) : -1;
}

/* How long the escape is that `s` begins with; 0 for half a surrogate pair, which stands for no character: json-c
 * would put another one in its place and say nothing. */
static size_t escape_length(const char *s, const char *end) {
        long code = unicode_escape(s, end), next;

        if (code < 0xd800 || code > 0xdfff)
                return 2;
        next = code < 0xdc00 ? unicode_escape(s + 6, end) : -1;
        return next >= 0xdc00 && next <= 0xdfff ? 12 : 0;
}

/* Most of all text: what no rule is about. */
static bool is_plain(char c) {
        return c >= 0x20 && c < 0x7f && c != '\\';
}

static const char *skip_string(const char *s, const char *end) {
        bool has_nul = false;

        for (s++; s < end && *s != '"';) {
                size_t n = is_plain(*s) ? 1 : string_utf8_length(s, (size_t) (end - s));

                if (n == 0 || (unsigned char) *s < 0x20)
                        return NULL;
                if (*s == '\\') {
                        has_nul |= unicode_escape(s, end) == 0;
                        n = escape_length(s, end);
                        if (n == 0)
                                return NULL;
                }
                s += n;
        }
        for (s += s < end; s < end && strchr(" \t\r\n", *s);)
                s++;
        return has_nul && s < end && *s == ':' ? NULL : s;
}

static const char *skip_digits(const char *s, const char *end) {
        while (s < end && *s >= '0' && *s <= '9')
                s++;
        return s;
}

static const char *skip_number(const char *s, const char *end) {
        const char *digits;

        s += *s == '-';
        digits = s;
        s = skip_digits(s, end);
        if (s == digits || (*digits == '0' && s - digits > 1))
                return NULL;
        if (s < end && *s == '.') {
                digits = s + 1;
                s = skip_digits(digits, end);
                if (s == digits)
                        return NULL;
        }
        /* An exponent's form json-c checks itself. */
        while (s < end && strchr("eE+-0123456789", *s))
                s++;
        return s;
}

/* How many names stand in it, in all its objects. */
static size_t count_names(Json *j) {
        size_t n = 0;

        for (size_t i = 0; i < json_length(j); i++)
                n += count_names(json_at(j, i));
        if (!json_is_object(j))
                return n;
        json_object_object_foreach(j, key, value) {
                (void) key;
                n += 1 + count_names(value);
        }
        return n;
}

/* Of a name that stands in an object twice json-c keeps the second, others the first: what one of them checked is not
 * what the other one does. In the text each name has its colon. */
static int check_names(const char *data, size_t size, Json *j, Problem *problem) {
        const char *end = data + size;
        size_t colons = 0;

        for (const char *s = data; s < end; s = *s == '"' ? skip_string(s, end) : s + 1)
                colons += *s == ':';
        if (colons == count_names(j))
                return 0;
        return problem_set(problem, -EINVAL, NULL, "The JSON has an object in which a name stands twice");
}

static int check_tokens(const char *data, size_t size, Problem *problem) {
        const char *end = data + size, *next;

        for (const char *s = data; s < end; s = next) {
                if (*s == '"')
                        next = skip_string(s, end);
                else if (*s == '-' || (*s >= '0' && *s <= '9'))
                        next = skip_number(s, end);
                else
                        next = *s == 'N' || *s == 'I' ? NULL : s + 1;
                if (!next)
                        return problem_set(problem, -EINVAL, NULL, "The JSON is not valid at byte %zu: %s",
                                           (size_t) (s - data) + 1,
                                           *s == '"' ? "a string must be UTF-8 and escape control characters"
                                                     : "this is no number");
        }
        return 0;
}

static bool is_blank(const char *s, const char *end) {
        while (s < end && strchr(" \t\r\n", *s))
                s++;
        return s == end;
}

/* What json-c takes for a value besides its text, about: of 16 MiB of "{}" it would make 4 GiB. */
#define OBJECT_SIZE 800
#define ARRAY_SIZE 400
#define VALUE_SIZE 80

/* What stands outside of strings is told from what stands in them as json-c does it, which takes 'x' for a string too,
 * and, where it is not strict, comments. */
static bool takes_too_much(const char *data, size_t size, bool strict) {
        size_t n = VALUE_SIZE;
        char quote = 0;

        for (const char *p = data, *end = data + size; p < end; p++) {
                if (quote && *p == '\\')
                        p++;
                else if (quote)
                        quote = *p == quote ? 0 : quote;
                else if (*p == '"' || *p == '\'')
                        quote = *p;
                else if (*p == ',')
                        n += VALUE_SIZE;
                else if (*p == '[' || *p == '{')
                        n += *p == '[' ? ARRAY_SIZE : OBJECT_SIZE;
                else if (*p == '/' && !strict)
                        return true;
        }
        return n > JSON_MEMORY_MAX;
}

static int parse_text(const char *data, size_t size, bool strict, Json **ret, Problem *problem) {
        _cleanup_json_ Json *j = NULL;
        json_tokener *t;
        int r = 0;

        if (size > INT32_MAX)
                return problem_set(problem, -EFBIG, NULL, "The JSON is too long");
        if (memchr(data, 0, size))
                return problem_set(problem, -EINVAL, NULL, "The JSON is not valid: it holds a NUL byte");
        if (takes_too_much(data, size, strict))
                return problem_set(problem, -EINVAL, NULL, "The JSON holds too many values: to read them would take "
                                   "more than %zu MiB", JSON_MEMORY_MAX / 1024 / 1024);
        t = json_tokener_new_ex(JSON_DEPTH_MAX);
        if (!t)
                return problem_set(problem, -ENOMEM, NULL, "Out of memory");
        if (strict)
                json_tokener_set_flags(t, JSON_TOKENER_STRICT);

        j = json_tokener_parse_ex(t, data, (int) size);
        /* json-c wants a final 0: without it "12" might go on. */
        if (json_tokener_get_error(t) == json_tokener_continue)
                j = json_tokener_parse_ex(t, "", 1);
        /* "012" is to json-c a number that goes on: the tokens first. */
        if (strict && (json_tokener_get_error(t) == json_tokener_success ||
                       json_tokener_get_error(t) == json_tokener_error_parse_eof))
                r = check_tokens(data, size, problem);
        if (r >= 0 && json_tokener_get_error(t) != json_tokener_success)
                r = parse_problem(t, problem);
        /* Where it is not strict json-c stops behind the value. */
        else if (r >= 0 && !strict && !is_blank(data + MIN_OF(json_tokener_get_parse_end(t), size), data + size))
                r = -EINVAL;
        json_tokener_free(t);
        if (r >= 0 && strict)
                r = check_names(data, size, j, problem);
        if (r >= 0)
                *ret = TAKE_PTR(j);
        return r;
}

int json_parse(const char *data, size_t size, Json **ret, Problem *problem) {
        return parse_text(data, size, true, ret, problem);
}

int json_parse_leniently(const char *data, size_t size, Json **ret) {
        return parse_text(data, size, false, ret, NULL);
}

int json_append(const Json *j, Buffer *to) {
        size_t n;
        const char *s = json_object_to_json_string_length(
                (Json *) j, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &n);

        return s ? buffer_append(to, s, n) : -ENOMEM;
}

Json *json_new_object(void) {
        return json_object_new_object();
}

Json *json_new_array(void) {
        return json_object_new_array();
}

static bool is_utf8(const char *s, size_t size) {
        size_t n = 1;

        for (; size > 0 && n > 0; s += n, size -= n)
                n = string_utf8_length(s, size);
        return n > 0;
}

/* What cannot be read back must not be written: a text that was cut in the middle of a character would make its whole
 * document unreadable. */
static Json *new_repaired_text(const char *s, size_t size) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

        for (const char *end = s + size; s < end;) {
                size_t n = string_utf8_length(s, (size_t) (end - s));

                if ((n > 0 ? buffer_append(&b, s, n) : buffer_append_string(&b, "\xef\xbf\xbd")) < 0)
                        return NULL;
                s += MAX_OF(n, (size_t) 1);
        }
        return json_object_new_string_len(b.data, (int) b.size);
}

Json *json_new_text(const char *data, size_t size) {
        if (!data)
                return json_object_new_null();
        if (size > INT32_MAX / 3)
                return NULL;
        return is_utf8(data, size) ? json_object_new_string_len(data, (int) size) : new_repaired_text(data, size);
}

Json *json_new_string(const char *s) {
        return json_new_text(s, s ? strlen(s) : 0);
}

Json *json_new_uint64(uint64_t v) {
        return json_object_new_uint64(v);
}

Json *json_new_double(double v) {
        Json *j = json_object_new_double(v);

        /* As many digits as a double keeps would show 0.1 as 0.10000000000000001. */
        if (j)
                json_object_set_serializer(j, json_object_double_to_json_string, (void *) "%.6f", NULL);
        return j;
}

Json *json_share(Json *j) {
        return json_object_get(j);
}

Json *json_new_time(usec_t t) {
        char text[CLOCK_TEXT_SIZE];

        return clock_is_set(t) ? json_new_string(clock_format(t, text)) : json_object_new_null();
}

int json_set(Json *object, const char *key, Json *value) {
        /* json-c would end the program. */
        int r = !json_is_object(object) ? -EINVAL : json_object_object_add(object, key, value) < 0 ? -ENOMEM : 0;

        if (r < 0)
                json_free(value);
        return r;
}

int json_set_string(Json *object, const char *key, const char *value) {
        return json_set(object, key, json_new_string(value));
}

int json_set_uint64(Json *object, const char *key, uint64_t value) {
        return json_set(object, key, json_new_uint64(value));
}

int json_set_bool(Json *object, const char *key, bool value) {
        return json_set(object, key, json_object_new_boolean(value));
}

int json_push(Json *array, Json *value) {
        if (json_object_array_add(array, value) < 0) {
                json_free(value);
                return -ENOMEM;
        }
        return 0;
}

Json *json_get(const Json *object, const char *key) {
        Json *value = NULL;

        if (!json_is_object(object))
                return NULL;
        json_object_object_get_ex(object, key, &value);
        return value;
}

const char *json_text(const Json *j) {
        return json_object_is_type(j, json_type_string) ? json_object_get_string((Json *) j) : NULL;
}

bool json_is_empty_text(const Json *j) {
        return json_object_is_type(j, json_type_string) && json_object_get_string_len(j) == 0;
}

const char *json_get_string(const Json *object, const char *key) {
        return json_text(json_get(object, key));
}

bool json_get_bool(const Json *object, const char *key) {
        Json *value = json_get(object, key);

        return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

int json_to_uint64(const Json *j, uint64_t *ret) {
        if (!json_object_is_type(j, json_type_int) || json_object_get_int64(j) < 0)
                return -EINVAL;
        *ret = json_object_get_uint64(j);
        return 0;
}

uint64_t json_get_uint64(const Json *object, const char *key) {
        uint64_t v;

        return json_to_uint64(json_get(object, key), &v) < 0 ? 0 : v;
}

double json_get_double(const Json *object, const char *key) {
        Json *value = json_get(object, key);

        if (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double))
                return 0;
        return json_object_get_double(value);
}

Json *json_next_value(const Json *object, void **state) {
        struct lh_entry *e;

        if (!json_is_object(object))
                return NULL;
        e = *state ? lh_entry_next((struct lh_entry *) *state) : lh_table_head(json_object_get_object(object));
        *state = e;
        return e ? (Json *) lh_entry_v(e) : NULL;
}

bool json_is_object(const Json *j) {
        return json_object_is_type(j, json_type_object);
}

size_t json_length(const Json *array) {
        return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

Json *json_at(const Json *array, size_t i) {
        return json_object_array_get_idx(array, i);
}
