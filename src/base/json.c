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

static int parse_problem(json_tokener *t, Problem *problem) {
        enum json_tokener_error e = json_tokener_get_error(t);

        if (e == json_tokener_continue)
                return problem_set(problem, -EINVAL, NULL, "The JSON ends too early");
        if (e == json_tokener_error_depth)
                return problem_set(problem, -EINVAL, NULL, "The JSON is nested more than %d deep", JSON_DEPTH_MAX);
        return problem_set(problem, -EINVAL, NULL, "The JSON is not valid at byte %zu: %s",
                           json_tokener_get_parse_end(t) + 1, json_tokener_error_desc(e));
}

int json_parse(const char *data, size_t size, Json **ret, Problem *problem) {
        json_tokener *t;
        Json *j;
        int r = 0;

        /* json-c wants a final 0: without it "12" might go on. */
        t = json_tokener_new_ex(JSON_DEPTH_MAX);
        if (!t)
                return problem_set(problem, -ENOMEM, NULL, "Out of memory");
        json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);

        if (size > INT32_MAX || memchr(data, 0, size))
                r = problem_set(problem, -EINVAL, NULL, "The JSON is not valid: it holds a NUL byte");
        else {
                j = json_tokener_parse_ex(t, data, (int) size);
                if (json_tokener_get_error(t) == json_tokener_continue)
                        j = json_tokener_parse_ex(t, "", 1);
                if (json_tokener_get_error(t) == json_tokener_success)
                        *ret = j;
                else
                        r = parse_problem(t, problem);
        }
        json_tokener_free(t);
        return r;
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

Json *json_new_string(const char *s) {
        return s ? json_object_new_string(s) : json_object_new_null();
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
        if (json_object_object_add(object, key, value) < 0) {
                json_free(value);
                return -ENOMEM;
        }
        return 0;
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

const char *json_get_string(const Json *object, const char *key) {
        Json *value = json_get(object, key);

        return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

bool json_get_bool(const Json *object, const char *key) {
        Json *value = json_get(object, key);

        return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
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
