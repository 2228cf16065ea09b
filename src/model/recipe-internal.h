/* What recipe-expand.c and recipe-recognise.c share: one walk over a text with placeholders. */
#pragma once

#include <remote-developer/recipe.h>

typedef struct RecipePiece {
        const char *text; /* as it is meant, or the placeholder's name */
        size_t size;
        bool is_placeholder;
} RecipePiece;

/* Takes one piece off the text; false at its end. */
bool recipe_next_piece(const char **text, RecipePiece *ret);
