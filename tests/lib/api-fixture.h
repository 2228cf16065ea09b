/* ApiFixture: the whole service but its main file: HTTP server, API and manager over a fake systemd, in one loop, and
 * a client that asks over a real socket.
 *
 *         _cleanup_(api_fixture_done) ApiFixture f = {};
 *
 *         if (!api_fixture_begin(&f))
 *                 return;
 *         api_ask(&f, "GET", "/api/tasks", NULL, NULL);
 *         TAP_CHECK_INT(f.status, 200);
 *         TAP_CHECK_STRING(f.body, "[]\n");
 *
 * To be linked like tests with story.h. */
#pragma once

#include "http-fixture.h"
#include "story.h"

#include <remote-developer/access.h>
#include <remote-developer/api.h>

#define API_BODY_MAX ((size_t) 64 * 1024)

typedef struct ApiFixture {
        HttpFixture http;
        Story story;
        const AccessOptions *access_options; /* NULL: whoever runs the test is the owner */
        Access *access;
        Api *api;
        HttpOver over; /* which socket is asked: TCP at first */

        /* The latest answer. */
        unsigned status; /* 0: none */
        char *head, *body;
        Json *json; /* NULL: the body is none */
} ApiFixture;

/* With `connected` false the manager has no systemd. */
bool api_fixture_open(ApiFixture *f, bool connected);
bool api_fixture_begin(ApiFixture *f);
void api_fixture_done(ApiFixture *f);

/* The API alone. */
bool api_fixture_start_api(ApiFixture *f);
void api_fixture_stop_api(ApiFixture *f);

/* As a service that dies and is started again: all connections are cut, and what it held in memory is lost. */
void api_fixture_stop_service(ApiFixture *f);
bool api_fixture_start_service(ApiFixture *f);

/* A request on a connection of its own, up to its whole answer. `headers` (each line ended by CR LF) and `body` may be
 * NULL; a body without a Content-Type of its own is JSON, and {id} in the path is the story's task. */
void api_ask(ApiFixture *f, const char *method, const char *path, const char *headers, const char *body);

/* Sends it without waiting for the answer, which api_await() does. */
bool api_send(ApiFixture *f, HttpClient *c, const char *method, const char *path, const char *headers,
              const char *body);
void api_await(ApiFixture *f, HttpClient *c);

/* The answer's header, or NULL; valid until the next call. */
const char *api_header(const ApiFixture *f, const char *name);

/* A string of the answer's object, or NULL. */
const char *api_string(const ApiFixture *f, const char *key);

/* An error with that status, field (NULL: none) and, in its sentence, that part. */
void api_check_error(ApiFixture *f, unsigned status, const char *field, const char *part);

/* Creates the task of that request over the API; the story's id is its. Returns its unit or NULL. */
FakeUnit *api_create(ApiFixture *f, const char *request);
