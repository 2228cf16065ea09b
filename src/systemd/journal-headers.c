/* JournalHeaders: see journal-headers.h. */
#include "journal-headers.h"

#include <remote-developer/strings.h>

#include <dirent.h>

void journal_headers_done(JournalHeaders *h) {
        for (size_t i = 0; i < h->n; i++)
                free(h->items[i].path);
        free(h->items);
        *h = (JournalHeaders){};
}

static void take_image(JournalHeader *h, const JournalImageHeader *from) {
        bool empty = from->n_entries == 0 || from->head_realtime == 0;

        memcpy(h->file_id, from->file_id, sizeof(h->file_id));
        memcpy(h->seqnum_id, from->seqnum_id, sizeof(h->seqnum_id));
        h->head_seqnum = from->head_seqnum;
        h->tail_seqnum = from->tail_seqnum;
        h->head_usec = empty ? 0 : from->head_realtime;
        h->tail_usec = empty ? 0 : from->tail_realtime;
}

int journal_header_update(JournalHeader *h) {
        _cleanup_(journal_image_done) JournalImage image = JOURNAL_IMAGE_NULL;
        int r;

        r = journal_image_open(h->path, &image);
        if (r < 0)
                return r;
        if (memcmp(h->file_id, image.header.file_id, sizeof(h->file_id)) != 0)
                return -ESTALE;
        take_image(h, &image.header);
        return 0;
}

static int make_place(JournalHeaders *h) {
        size_t allocated = MAX_OF(h->allocated * 2, (size_t) 16);
        JournalHeader *items;

        if (h->n < h->allocated)
                return 0;
        items = reallocarray(h->items, allocated, sizeof(JournalHeader));
        if (!items)
                return -ENOMEM;
        h->items = items;
        h->allocated = allocated;
        return 0;
}

static int add(JournalHeaders *h, const char *directory, const char *name) {
        _cleanup_(journal_image_done) JournalImage image = JOURNAL_IMAGE_NULL;
        _cleanup_free_ char *path = string_format("%s/%s", directory, name);
        JournalHeader header = { .archived = strchr(name, '@') || name[strlen(name) - 1] == '~' };
        int r = path ? make_place(h) : -ENOMEM;

        if (r < 0)
                return r;
        /* Not for us to read, gone since, none of the journal's: libsystemd passes it over as well. */
        if (journal_image_open(path, &image) < 0)
                return 0;
        take_image(&header, &image.header);
        header.path = TAKE_PTR(path);
        h->items[h->n++] = header;
        return 0;
}

static bool is_name(const char *name) {
        const char *suffix = strrchr(name, '.');

        return suffix && (string_equal(suffix, ".journal") || string_equal(suffix, ".journal~"));
}

static int read_directory(JournalHeaders *h, const char *path) {
        DIR *d = opendir(path);
        struct dirent *e;
        int r = 0;

        if (!d)
                return 0;
        while (r >= 0 && (e = readdir(d)))
                if (is_name(e->d_name))
                        r = add(h, path, e->d_name);
        closedir(d);
        return r;
}

int journal_headers_read(JournalHeaders *h, const JournalSource *source) {
        const char *places[JOURNAL_PLACES_MAX];
        size_t n = journal_files_places(source, places);
        int r = 0;

        journal_headers_done(h);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = read_directory(h, places[i]);
        return r;
}

/* --- places --- */

static int digit_of(char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "s=" and the sequence's id, ";i=" and the number in it, in hexadecimal. */
bool journal_place_parse(const char *cursor, JournalPlace *ret) {
        char *end;

        if (strncmp(cursor, "s=", 2) != 0)
                return false;
        cursor += 2;
        for (size_t i = 0; i < JOURNAL_ID_SIZE; i++, cursor += 2) {
                int high = digit_of(cursor[0]), low = high < 0 ? -1 : digit_of(cursor[1]);

                if (low < 0)
                        return false;
                ret->seqnum_id[i] = (uint8_t) (high << 4 | low);
        }
        if (strncmp(cursor, ";i=", 3) != 0)
                return false;
        ret->seqnum = strtoull(cursor + 3, &end, 16);
        ret->realtime_usec = 0;
        return *end == ';';
}

bool journal_header_is_of(const JournalHeader *h, const uint8_t seqnum_id[static JOURNAL_ID_SIZE]) {
        return memcmp(h->seqnum_id, seqnum_id, JOURNAL_ID_SIZE) == 0;
}
