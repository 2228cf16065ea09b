/* room: api
 *
 * Api: the REST API: from requests to the manager's use cases and back. The whole surface is one table, in
 * src/api/routes.c; README.md shows the same table.
 */
#pragma once

#include <remote-developer/http-server.h>
#include <remote-developer/manager.h>

typedef struct Access Access;
typedef struct Api Api;
typedef struct Doctor Doctor;

/* `manager` and `access` are borrowed for the Api's life. */
int api_new(sd_event *event, Manager *manager, Access *access, Api **ret);

/* Whose findings GET /api/health shows; borrowed for the Api's life. Without one it shows none. */
void api_set_doctor(Api *a, Doctor *doctor);

/* By which names it may be called besides localhost; borrowed for the Api's life. NULL: by none. */
void api_set_hosts(Api *a, char *const *hosts);

/* The HTTP server, which ends requests and streams, must be gone before. */
Api *api_free(Api *a);
DEFINE_CLEANUP(Api *, api_free)

/* For http_server_new(). */
void api_on_request(HttpRequest *request, void *api);

/* Cuts the streams and downloads of callers who may not read any more: a token was revoked or has expired, a user is
 * no member now. To be called now and then. May wait as access_admit(). */
void api_review_callers(Api *a);

/* Ends every stream without a final event: their clients reconnect and go on where they were. Who waits for an
 * operation is told that it goes on. */
void api_end_streams(Api *a);
