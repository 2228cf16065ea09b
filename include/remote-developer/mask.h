/* Mask: texts that nobody shall see, and the bytes in which each of them becomes "***".
 *
 * Hidden is each line of a value that has MASK_CHARACTERS_MIN characters or more, without the blanks around it, as it
 * is and as it stands in a JSON string: with what JSON must escape, and with all but ASCII escaped. Shorter ones would
 * be found in ordinary words. Where such texts overlap, all that they cover becomes one "***".
 *
 *   mask_new ──▶ add, add_directory ... ──▶ prepare ──▶ any number of streams, or mask_apply()
 *
 * The time is that of one pass over the bytes, however many texts there are; the memory 24 bytes for each byte of a
 * text. A MaskStream takes its bytes in pieces and gives them back, less what may be the begin of a text: since
 * no text holds an end of line, that is nothing once a line has ended.
 */
#pragma once

#include <remote-developer/buffer.h>

#define MASK_CHARACTERS_MIN 6

typedef struct Mask Mask;

int mask_new(Mask **ret);
Mask *mask_free(Mask *m); /* what it hides is overwritten */
DEFINE_CLEANUP(Mask *, mask_free)

int mask_add(Mask *m, const char *value, size_t size);

/* The files there whose names may be those of secrets (string_is_identifier()); others are not what is to be hidden.
 * An error leaves it without some of them. */
int mask_add_directory(Mask *m, const char *path);

/* After the last addition and before the first use. */
int mask_prepare(Mask *m);
bool mask_is_empty(const Mask *m);

/* What systemd gave this process in $CREDENTIALS_DIRECTORY, prepared; NULL: nothing to hide. */
int mask_of_credentials(Mask **ret);

/* Appends all the bytes, masked. */
int mask_apply(const Mask *m, const char *data, size_t size, Buffer *to);

typedef struct MaskSpan {
        size_t begin, end;
        bool told; /* "***" has been given for it */
} MaskSpan;

typedef struct MaskStream {
        const Mask *mask;
        uint32_t state; /* the longest begin of a text that the bytes so far end with */
        char *held;     /* which are these */
        size_t n_held;
        MaskSpan *spans; /* what has been found among them, one behind the other, none touching the next's inside */
        size_t n_spans;
        /* While bytes are taken: */
        const char *data;
        size_t given; /* of `held` and `data`, one behind the other */
        char *to;
} MaskStream;

int mask_stream_init(MaskStream *s, const Mask *m); /* which must outlive it */
void mask_stream_done(MaskStream *s);

/* How many bytes may come of `size` at a time, or of the end. */
size_t mask_room(const Mask *m, size_t size);

/* Writes what is certain to `to`, which has that room; how much it was. At the end, what was held back. */
size_t mask_stream_put(MaskStream *s, const char *data, size_t size, char *to);
size_t mask_stream_end(MaskStream *s, char *to);
