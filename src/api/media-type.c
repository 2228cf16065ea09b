/* MediaType: see media-type.h. */
#include <remote-developer/media-type.h>

#include <string.h>
#include <strings.h>

/* A piece of the header between two separators, without the blanks around it. */
typedef struct Piece {
        const char *s;
        size_t n;
} Piece;

#define WEIGHT_MAX 1000

static Piece trimmed(const char *s, size_t n) {
        while (n > 0 && (*s == ' ' || *s == '\t')) {
                s++;
                n--;
        }
        while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
                n--;
        return (Piece){ s, n };
}

/* Takes the next piece from *s up to one of these bytes or to the end. */
static Piece take_piece(const char **s, const char *separators) {
        size_t n = strcspn(*s, separators);
        Piece piece = trimmed(*s, n);

        *s += n;
        return piece;
}

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

/* "0", "0.5", "0.125", "1.000" in thousandths; -1: none of that. */
static int parse_weight(const char *s, size_t n) {
        int weight, unit = WEIGHT_MAX / 10;

        if (n == 0 || n > 5 || (s[0] != '0' && s[0] != '1') || (n > 1 && s[1] != '.'))
                return -1;
        weight = (s[0] - '0') * WEIGHT_MAX;
        for (size_t i = 2; i < n; i++, unit /= 10) {
                if (!is_digit(s[i]))
                        return -1;
                weight += (s[i] - '0') * unit;
        }
        return weight <= WEIGHT_MAX ? weight : -1;
}

/* The parameters up to the next ','. Those other than q do not matter: no type of ours has any. */
static int take_weight(const char **s) {
        int weight = WEIGHT_MAX;

        while (**s == ';') {
                Piece piece;

                (*s)++;
                piece = take_piece(s, ";,");
                if (piece.n >= 2 && (piece.s[0] == 'q' || piece.s[0] == 'Q') && piece.s[1] == '=')
                        weight = parse_weight(piece.s + 2, piece.n - 2);
        }
        return weight;
}

/* How exactly the range names the type: 3 itself, 2 as "text" and "*", 1 as "*" and "*", 0 not. */
static int matches(Piece range, const char *type) {
        size_t before = strcspn(type, "/");

        if (range.n == strlen(type) && strncasecmp(range.s, type, range.n) == 0)
                return 3;
        if (range.n == before + 2 && strncasecmp(range.s, type, before + 1) == 0 && range.s[range.n - 1] == '*')
                return 2;
        return range.n == 3 && memcmp(range.s, "*/*", 3) == 0;
}

/* Of the range that names the type most exactly; 0 where none does. */
static int weight_of(const char *accept, const char *type) {
        int best = 0, weight = 0;

        while (*accept) {
                Piece range = take_piece(&accept, ";,");
                int its = take_weight(&accept), exactness = its < 0 ? 0 : matches(range, type);

                if (exactness > best) {
                        best = exactness;
                        weight = its;
                }
                if (*accept)
                        accept++;
        }
        return weight;
}

int media_type_choose(const char *accept, const char *const *types, size_t n) {
        int chosen = -1, best = 0;

        if (!accept || trimmed(accept, strlen(accept)).n == 0)
                return 0;
        for (size_t i = 0; i < n; i++) {
                int weight = weight_of(accept, types[i]);

                if (weight > best) {
                        best = weight;
                        chosen = (int) i;
                }
        }
        return chosen;
}
