/* room: api
 *
 * MediaType: which of the forms that an answer can have a client would rather get (RFC 9110, "Accept").
 */
#pragma once

#include <remote-developer/macros.h>

/* The row of `types` that `accept` (NULL: anything) values most; the first one of several. -1: it wants none of them.
 * What is no media range, and a weight that is no number from 0 to 1, is passed over. */
int media_type_choose(const char *accept, const char *const *types, size_t n);
