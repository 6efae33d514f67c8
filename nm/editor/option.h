/* An option of a protocol as its schema describes it, and what it allows. */
#pragma once

#include <glib.h>

typedef enum {
    OPTION_STRING,
    OPTION_INT,
    OPTION_BOOL,
    OPTION_ENUM,
    OPTION_DURATION,
    OPTION_FILE,
    OPTION_LIST,
} OptionType;

typedef struct {
    char *key, *label, *help, *group;
    char *def; /* the default, "" for none */
    OptionType type;
    gboolean required, secret, advanced;
    char **choices;                    /* of an enum */
    char *visible_key, *visible_value; /* "" when it always is */
    gint64 min, max;                   /* both 0: unbounded */
    char *allowed;                     /* in words: "a whole number from 1 to 5" */
} Option;

/* option_type: of its name in a schema; what is unknown is a text. */
OptionType option_type(const char *name);

/* option_check: what is wrong with a value, to be freed, or NULL. It decides as option.Normalise
 * of penstock does, which judges again when the connection is made. */
char *option_check(const Option *option, const char *value);
