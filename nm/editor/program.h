/* Runs penstock, who knows the options and reads the files. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

/* penstock_run: runs `penstock ARGS...` with input, or none, and returns what it prints. The
 * error is what penstock says. */
char *penstock_run(const char *const *args, const char *input, GError **error);

/* penstock_ask: penstock_run for a command that prints a list of one JSON object. */
JsonObject *penstock_ask(const char *const *args, GError **error);

/* Members of an object, or what stands for none; penstock of another version has others. */
const char *json_text(JsonObject *object, const char *member);
gboolean json_flag(JsonObject *object, const char *member);
gint64 json_number(JsonObject *object, const char *member);
JsonArray *json_list(JsonObject *object, const char *member);
JsonObject *json_part(JsonObject *object, const char *member);

/* The same of a list. */
const char *json_text_at(JsonArray *list, guint i);
JsonObject *json_part_at(JsonArray *list, guint i);
