/* AgentText: see agent-text.h. */
#include <remote-developer/agent-text.h>

#include <remote-developer/strings.h>

/* How many of the first `max` bytes are whole characters. */
static size_t fitting(const char *s, size_t max) {
        size_t n = strnlen(s, max + 1);

        if (n <= max)
                return n;
        n = max;
        for (size_t back = 0; back < 3 && n > 0 && ((unsigned char) s[n] & 0xc0) == 0x80; back++)
                n--;
        return n;
}

void agent_text_set(char **p, const char *s, size_t max) {
        char *copy = s ? strndup(s, fitting(s, max)) : NULL;

        if (s && !copy)
                return;
        free(*p);
        *p = copy;
}

void agent_text_append(char **p, const char *s, size_t max) {
        size_t n = *p ? strlen(*p) : 0;
        _cleanup_free_ char *all = n < max ? string_format("%s%s", *p ?: "", s) : NULL;

        if (all)
                agent_text_set(p, all, max);
}
