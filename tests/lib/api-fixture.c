/* ApiFixture: see api-fixture.h. */
#include "api-fixture.h"

#include <remote-developer/strings.h>

#include <stdio.h>
#include <time.h>

/* By the time of day, whatever the test's clock says: how many turns an answer takes is the machine's to say. */
#define AWAIT_SECONDS 60

/* --- life cycle --- */

static void on_request(HttpRequest *request, void *userdata) {
        ApiFixture *f = userdata;

        api_on_request(request, f->api);
}

static const HttpLimits *api_limits(void) {
        static HttpLimits limits;

        limits = http_fixture_limits;
        limits.body_max = API_BODY_MAX;
        return &limits;
}

bool api_fixture_start_api(ApiFixture *f) {
        AccessOptions o = { .scope = RUNTIME_SCOPE_USER, .owner = geteuid() };

        if (f->access_options)
                o = *f->access_options;
        o.state_directory = f->story.state;
        return TAP_CHECK_INT(access_new(&o, &f->access), 0) &&
               TAP_CHECK_INT(api_new(f->http.event, f->story.manager, f->access, &f->api), 0);
}

void api_fixture_stop_api(ApiFixture *f) {
        f->api = api_free(f->api);
        f->access = access_free(f->access);
}

bool api_fixture_open(ApiFixture *f, bool connected) {
        if (!http_fixture_start(&f->http, api_limits(), on_request, f))
                return false;
        f->story.event = sd_event_ref(f->http.event);
        if (!story_open(&f->story) || !story_load(&f->story))
                return false;
        if (connected && !story_connect(&f->story))
                return false;
        return api_fixture_start_api(f);
}

void api_fixture_stop_service(ApiFixture *f) {
        http_fixture_stop_server(&f->http);
        api_fixture_stop_api(f);
        story_stop_service(&f->story);
}

bool api_fixture_start_service(ApiFixture *f) {
        return story_start_service(&f->story) &&
               api_fixture_start_api(f) &&
               http_fixture_start_server(&f->http, api_limits(), on_request, f);
}

bool api_fixture_begin(ApiFixture *f) {
        return api_fixture_open(f, true);
}

static void forget_answer(ApiFixture *f) {
        f->status = 0;
        free(f->head);
        free(f->body);
        f->head = f->body = NULL;
        f->json = json_free(f->json);
}

void api_fixture_done(ApiFixture *f) {
        forget_answer(f);
        /* So that what waits for systemd is answered while there is somebody to answer. */
        if (f->story.manager && f->story.systemd.server) {
                fake_drop_connection(&f->story.systemd);
                story_settle(&f->story);
        }
        http_fixture_done(&f->http);
        api_fixture_stop_api(f);
        story_done(&f->story);
}

/* --- asking --- */

bool api_send(ApiFixture *f, HttpClient *c, const char *method, const char *path, const char *headers,
              const char *body) {
        _cleanup_free_ char *expanded = story_expand(&f->story, path), *request = NULL;
        bool typed = headers && strstr(headers, "Content-Type:");
        char length[64] = "";

        if (body)
                snprintf(length, sizeof(length), "Content-Length: %zu\r\n", strlen(body));
        request = string_format("%s %s HTTP/1.1\r\n%s%s%s%sConnection: close\r\n\r\n%s", method, expanded,
                                headers && strstr(headers, "Host:") ? "" : "Host: localhost:15001\r\n", headers ?: "",
                                length, body && !typed ? "Content-Type: application/json\r\n" : "", body ?: "");
        return TAP_CHECK(request) && http_client_open(c, &f->http, f->over) && TAP_CHECK(http_client_send(c, request));
}

static void read_answer(ApiFixture *f, const HttpClient *c) {
        const char *data = c->received.data, *end = data ? strstr(data, "\r\n\r\n") : NULL;

        if (!TAP_CHECK(end) || !TAP_CHECK(sscanf(data, "HTTP/1.1 %u", &f->status) == 1))
                return;
        f->head = strndup(data, (size_t) (end - data) + 2);
        f->body = strdup(end + 4);
        if (*f->body == '{' || *f->body == '[')
                TAP_CHECK_INT(json_parse(f->body, strlen(f->body), &f->json, NULL), 0);
}

void api_await(ApiFixture *f, HttpClient *c) {
        time_t end = time(NULL) + AWAIT_SECONDS;

        forget_answer(f);
        while (!c->ended && time(NULL) < end && story_turn(&f->story))
                ;
        if (TAP_CHECK(c->ended))
                read_answer(f, c);
}

void api_ask(ApiFixture *f, const char *method, const char *path, const char *headers, const char *body) {
        _cleanup_(http_client_done) HttpClient c = {};

        if (api_send(f, &c, method, path, headers, body))
                api_await(f, &c);
}

const char *api_header(const ApiFixture *f, const char *name) {
        static char value[1024];
        _cleanup_free_ char *start = string_format("\r\n%s: ", name);
        const char *found = f->head ? strcasestr(f->head, start) : NULL;

        if (!found)
                return NULL;
        found += strlen(start);
        snprintf(value, sizeof(value), "%.*s", (int) strcspn(found, "\r"), found);
        return value;
}

const char *api_string(const ApiFixture *f, const char *key) {
        return f->json ? json_get_string(f->json, key) : NULL;
}

void api_check_error(ApiFixture *f, unsigned status, const char *field, const char *part) {
        _cleanup_free_ char *number = string_format("\"status\":%u", status);

        TAP_CHECK_INT(f->status, status);
        TAP_CHECK_STRING(api_header(f, "Content-Type"), "application/json");
        TAP_CHECK_CONTAINS(f->body, number);
        TAP_CHECK_STRING(api_string(f, "field"), field);
        TAP_CHECK_CONTAINS(api_string(f, "error"), part);
}

FakeUnit *api_create(ApiFixture *f, const char *request) {
        api_ask(f, "POST", "/api/create-task", NULL, request);
        if (!TAP_CHECK_INT(f->status, 200) || !TAP_CHECK(api_string(f, "task_id")))
                return NULL;
        snprintf(f->story.id, sizeof(f->story.id), "%s", api_string(f, "task_id"));
        if (!TAP_CHECK(STORY_UNTIL(&f->story, story_unit(&f->story))))
                return NULL;
        return story_unit(&f->story);
}
