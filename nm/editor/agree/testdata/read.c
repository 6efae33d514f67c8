/* Reads the schema that `penstock schema` prints from each of the files, and says what came of it.
 * The penstock that is found prints the file that PENSTOCK_SAYS names. */
#include "schema.h"

#include <stdio.h>

/* judge: has every option judge some values. */
static guint
judge(const Protocol *protocol)
{
    static const char *const values[] = {"", "-", "5", "1h", "\xff", "9223372036854775808"};

    for (guint i = 0; i < protocol->options->len; i++) {
        for (guint v = 0; v < G_N_ELEMENTS(values); v++)
            g_free(option_check(g_ptr_array_index(protocol->options, i), values[v]));
    }
    return protocol->options->len;
}

int
main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Schema) schema = NULL;
        guint options = 0;

        g_setenv("PENSTOCK_SAYS", argv[i], TRUE);
        schema = schema_read(&error);
        for (guint p = 0; schema && p < schema->protocols->len; p++)
            options += judge(g_ptr_array_index(schema->protocols, p));
        if (!schema && !error)
            puts("neither");
        else if (schema && error)
            puts("both");
        else if (schema)
            printf("%u protocols, %u options\n", schema->protocols->len, options);
        else
            printf("error: %s\n", error->message);
    }
    return 0;
}
