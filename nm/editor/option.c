#include "option.h"

#include <errno.h>
#include <string.h>

OptionType
option_type(const char *name) {
    static const char *const names[] = {"string", "int", "bool", "enum", "duration", "file", "list"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        if (!strcmp(name, names[i]))
            return (OptionType)i;
    }
    return OPTION_STRING;
}

static gboolean
is_number(const char *text) {
    return *text && text[strspn(text, "0123456789")] == '\0';
}

static gboolean
check_int(const Option *option, const char *text) {
    gint64 n;

    if (!is_number(*text == '+' || *text == '-' ? text + 1 : text))
        return FALSE;
    errno = 0;
    n = g_ascii_strtoll(text, NULL, 10);
    if (errno)
        return FALSE;
    return (!option->min && !option->max) || (option->min <= n && n <= option->max);
}

/* one_duration: reads "1.5h" and moves on behind it; -1 when it is none. */
static long double
one_duration(const char **text) {
    static const struct {
        const char *name;
        long double seconds;
    } units[] = {{"ns", 1e-9L}, {"us", 1e-6L}, {"\302\265s", 1e-6L}, {"\316\274s", 1e-6L}, {"ms", 1e-3L},
                 {"s", 1},      {"m", 60},     {"h", 3600}};
    long double n = 0, place = 1;
    const char *p = *text;
    gboolean digits = FALSE;
    gsize length;

    for (; g_ascii_isdigit(*p); p++, digits = TRUE)
        n = n * 10 + (*p - '0');
    if (*p == '.') {
        for (p++; g_ascii_isdigit(*p); p++, digits = TRUE)
            n += (*p - '0') * (place /= 10);
    }
    length = strcspn(p, ".0123456789");
    *text = p + length;
    for (guint i = 0; digits && i < G_N_ELEMENTS(units); i++) {
        if (strlen(units[i].name) == length && !strncmp(p, units[i].name, length))
            return n * units[i].seconds;
    }
    return -1;
}

static gboolean
check_duration(const Option *option, const char *text) {
    const long double most = 9223372036.854775807L; /* what fits in 64 bits of nanoseconds */
    long double all = 0;

    if (is_number(text)) {
        errno = 0;
        all = g_ascii_strtoull(text, NULL, 10);
        if (errno)
            return FALSE;
    } else {
        gboolean negative = *text == '-';

        text += *text == '-' || *text == '+';
        if (!strcmp(text, "0"))
            text = "0s";
        do {
            long double one = one_duration(&text);

            if (one < 0)
                return FALSE;
            all += one;
        } while (*text);
        if (negative && all >= 1e-9L)
            return FALSE;
    }
    if (all > most)
        return FALSE;
    return (!option->min && !option->max) || (option->min <= all && all <= option->max);
}

static gboolean
is_one_of(const char *const *words, const char *text) {
    for (; words && *words; words++) {
        g_autofree char *a = g_utf8_casefold(*words, -1);
        g_autofree char *b = g_utf8_casefold(text, -1);

        if (!strcmp(a, b))
            return TRUE;
    }
    return FALSE;
}

static gboolean
allows(const Option *option, const char *text) {
    static const char *const switches[] = {"true", "yes", "on", "1", "false", "no", "off", "0", NULL};

    switch (option->type) {
    case OPTION_INT:
        return check_int(option, text);
    case OPTION_BOOL:
        return is_one_of(switches, text);
    case OPTION_ENUM:
        return is_one_of((const char *const *)option->choices, text);
    case OPTION_DURATION:
        return check_duration(option, text);
    default:
        return TRUE;
    }
}

static gboolean
has_control(const char *text) {
    for (; *text; text = g_utf8_next_char(text)) {
        if (g_unichar_iscntrl(g_utf8_get_char(text)))
            return TRUE;
    }
    return FALSE;
}

char *
option_check(const Option *option, const char *value) {
    const gsize most = 16 << 10, shown = 60;
    g_autofree char *text = g_strstrip(g_strdup(value));
    g_autofree char *quoted = NULL;

    if (strlen(text) > most)
        return g_strdup_printf("the value is longer than %" G_GSIZE_FORMAT " bytes; %s takes %s", most, option->key,
                               option->allowed);
    if (!g_utf8_validate(text, -1, NULL))
        return g_strdup_printf("the value is not UTF-8; %s takes %s", option->key, option->allowed);
    if (has_control(text))
        return g_strdup_printf("the value has a control character in it; %s takes %s", option->key, option->allowed);
    if (!*text || allows(option, text))
        return NULL;
    if (option->secret)
        return g_strdup_printf("the value is not allowed; %s takes %s", option->key, option->allowed);
    quoted =
        strlen(text) > shown ? g_utf8_substring(text, 0, MIN((glong)shown, g_utf8_strlen(text, -1))) : g_strdup(text);
    return g_strdup_printf("\"%s\" is not allowed; %s takes %s", quoted, option->key, option->allowed);
}
