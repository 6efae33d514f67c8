/* Reads lines TYPE TAB MIN TAB MAX TAB VALUE and says of each whether the editor takes it. */
#include "option.h"

#include <stdio.h>
#include <string.h>

int
main(void)
{
    static char line[1 << 16];
    char *choices[] = {"one", "Two", NULL};

    while (fgets(line, sizeof line, stdin)) {
        g_auto(GStrv) parts = NULL;
        Option option = {.key = "key", .allowed = "something", .choices = choices};
        g_autofree char *mistake = NULL;

        line[strcspn(line, "\n")] = '\0';
        parts = g_strsplit(line, "\t", 4);
        option.type = option_type(parts[0]);
        option.min = g_ascii_strtoll(parts[1], NULL, 10);
        option.max = g_ascii_strtoll(parts[2], NULL, 10);
        mistake = option_check(&option, parts[3]);
        puts(mistake ? "no" : "yes");
    }
    return 0;
}
