/* Variables: see environment.h. */
#include <remote-developer/environment.h>

#include <remote-developer/recipe.h>
#include <remote-developer/strings.h>

int environment_put(char ***environment, const char *pair) {
        size_t n = strcspn(pair, "=") + 1;

        for (char **v = *environment; v && *v; v++)
                if (strncmp(*v, pair, n) == 0)
                        return string_replace(v, pair);
        return strv_append(environment, pair);
}

int environment_put_all(char ***environment, char *const *pairs) {
        int r = 0;

        for (size_t i = 0; r >= 0 && pairs && pairs[i]; i++)
                r = environment_put(environment, pairs[i]);
        return r;
}

bool environment_has_name(const char *pair) {
        size_t n = strcspn(pair, "=");

        if (n == 0 || (*pair >= '0' && *pair <= '9'))
                return false;
        return strspn(pair, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") >= n;
}

bool environment_is_reserved(const char *pair) {
        static const char *const reserved[] = { "SERVICE_RESULT=", "EXIT_CODE=", "EXIT_STATUS=", "INVOCATION_ID=",
                                                "CREDENTIALS_DIRECTORY=" };

        for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
                if (string_has_prefix(pair, reserved[i]))
                        return true;
        return false;
}

bool environment_has_value(const char *pair) {
        return strlen(pair) <= RECIPE_ARGUMENT_SIZE_MAX && !string_holds_control(pair, "\t\n");
}
