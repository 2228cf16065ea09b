/* Sandbox: the words. See sandbox.h. */
#include <remote-developer/sandbox.h>

#include <remote-developer/strings.h>

const char *const sandbox_words[SANDBOXES + 1] = { "open", "standard", "strict", NULL };

const char *sandbox_word(Sandbox s) {
        assert(s != SANDBOX_UNSET);
        return sandbox_words[s - SANDBOX_OPEN];
}

Sandbox sandbox_from_word(const char *word) {
        int i = string_table_lookup(sandbox_words, SANDBOXES, word);

        return i < 0 ? SANDBOX_UNSET : (Sandbox) (SANDBOX_OPEN + i);
}
