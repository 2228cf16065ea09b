/* HttpAnswer: an answer that many requests are given. It is put together once, with its headers, and given again
 * without a copy, as often as it is true, which is for whoever keeps it to know.
 */
#pragma once

#include <remote-developer/http-request.h>

typedef struct HttpAnswer HttpAnswer;

/* Answers as http_request_reply(), and keeps the answer. `*ret` is NULL where it is for this request alone: it has a
 * header of its own (http_request_add_header()), or the server is about to end; or it is longer than 64 KiB, which is
 * counted for whom it is sent to; or memory is short. */
void http_answer_keep(HttpRequest *r, unsigned status, const char *content_type, Buffer *body, HttpAnswer **ret);

/* Answers the request, which is gone afterwards; false: this answer is not for it, for one of the reasons above or
 * since it came to another server, and nothing has happened. */
bool http_answer_again(const HttpAnswer *a, HttpRequest *r);

/* Also while it is being sent, and after its server. Accepts NULL, returns NULL. */
HttpAnswer *http_answer_free(HttpAnswer *a);
