/* Secrets: see secrets.h. */
#include <remote-developer/secrets.h>

#include <remote-developer/strings.h>

typedef struct Request {
        char **secrets;
        char *github_token;
} Request;

static const JsonField request_fields[] = {
        { "secrets", JSON_PAIRS, offsetof(Request, secrets), 0, NULL },
        { SECRET_GITHUB_TOKEN, JSON_STRING, offsetof(Request, github_token), 0, NULL },
};

static void request_done(Request *r) {
        if (r->github_token)
                explicit_bzero(r->github_token, strlen(r->github_token));
        free(r->github_token);
        strv_erase(r->secrets);
}

void secrets_done(Secrets *s) {
        strv_erase(s->pairs);
        *s = SECRETS_NULL;
}

/* Even a name may be a value that got to the wrong side of the colon: the problem says which one by its place. */
static int check_name(char *pair, size_t place, Problem *problem) {
        size_t n = strcspn(pair, "=");
        bool is_name;

        pair[n] = 0;
        is_name = n <= SECRET_NAME_SIZE_MAX && string_is_identifier(pair);
        pair[n] = '=';
        if (is_name)
                return 0;
        return problem_set(problem, -EINVAL, "secrets",
                           "secrets: name number %zu is not made of letters, digits and _ (no digit first, at most "
                           "%d)",
                           place, SECRET_NAME_SIZE_MAX);
}

static int check_secrets(char **pairs, Problem *problem) {
        size_t total = 0;
        int r = 0;

        if (strv_length(pairs) > SECRETS_MAX)
                return problem_set(problem, -E2BIG, "secrets", "secrets: at most %d are possible", SECRETS_MAX);
        for (size_t i = 0; r >= 0 && pairs && pairs[i]; i++) {
                size_t name_size = strcspn(pairs[i], "="), size = strlen(pairs[i]) - name_size - 1;

                r = check_name(pairs[i], i + 1, problem);
                if (r >= 0 && size == 0)
                        r = problem_set(problem, -EINVAL, "secrets", "secrets: %.*s is empty; leave it out",
                                        (int) name_size, pairs[i]);
                total += size;
        }
        if (r >= 0 && total > SECRETS_SIZE_MAX)
                r = problem_set(problem, -E2BIG, "secrets", "secrets: all values together may have %zu bytes",
                                SECRETS_SIZE_MAX);
        return r;
}

static bool has_github_token(char *const *pairs) {
        for (; pairs && *pairs; pairs++)
                if (string_has_prefix(*pairs, SECRET_GITHUB_TOKEN "="))
                        return true;
        return false;
}

static int check_github_token(const Request *q, Problem *problem) {
        if (!q->github_token)
                return 0;
        if (!*q->github_token)
                return problem_set(problem, -EINVAL, SECRET_GITHUB_TOKEN, "github_token is empty; leave it out");
        if (strlen(q->github_token) > SECRETS_SIZE_MAX)
                return problem_set(problem, -E2BIG, SECRET_GITHUB_TOKEN, "github_token may have %zu bytes",
                                   SECRETS_SIZE_MAX);
        if (has_github_token(q->secrets))
                return problem_set(problem, -EINVAL, "secrets",
                                   "secrets: there is a github_token beside them; give it only once");
        return 0;
}

/* The vector that held the secrets so far is given up without being overwritten: it holds only where they are. */
static int add_github_token(Request *q) {
        size_t n = strv_length(q->secrets);
        char **pairs;

        if (!q->github_token)
                return 0;
        pairs = reallocarray(q->secrets, n + 2, sizeof(char *));
        if (!pairs)
                return -ENOMEM;
        q->secrets = pairs;
        pairs[n] = string_format(SECRET_GITHUB_TOKEN "=%s", q->github_token);
        if (!pairs[n])
                return -ENOMEM;
        pairs[n + 1] = NULL;
        return 0;
}

int secrets_parse(const Json *request, bool strict, Secrets *ret, Problem *problem) {
        _cleanup_(request_done) Request q = {};
        int r;

        r = json_read_fields(request, request_fields, ELEMENTSOF(request_fields), strict, &q, problem);
        if (r >= 0)
                r = check_secrets(q.secrets, problem);
        if (r >= 0)
                r = check_github_token(&q, problem);
        if (r >= 0)
                r = add_github_token(&q);
        if (r < 0)
                return r;
        secrets_done(ret);
        if (strv_length(q.secrets) > 0)
                ret->pairs = TAKE_PTR(q.secrets);
        return 0;
}

int secrets_names(const Secrets *s, char ***ret) {
        size_t n = strv_length(s->pairs);
        _cleanup_strv_ char **names = NULL;

        if (n > 0) {
                names = calloc(n + 1, sizeof(char *));
                if (!names)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < n; i++) {
                names[i] = strndup(s->pairs[i], strcspn(s->pairs[i], "="));
                if (!names[i])
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(names);
        return 0;
}
