/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MH_SETTINGS_SETTINGS_VALUE_H
#define MH_SETTINGS_SETTINGS_VALUE_H

#include "settings/settings.h"

/* One value of one row.  Private to this folder. */

/* The field of row s in the struct at values. */
void *value_field(const struct setting *s, void *values);

/*
 * Set the field from text, or, for a list, append one item.  folder is that of
 * relative paths, NULL for none.  A field that is set already is replaced.
 * Errors: MH_ERR_INVALID (value_allowed() says what would be good).
 */
mh_err value_set(const struct setting *s, const char *text, const char *folder,
    void *values) MH_CHECKED;

/* Set the field to its default. */
void value_set_initial(const struct setting *s, const char *folder, void *values);

/* Set the field, which is zero, to a copy of the one in from. */
void value_copy(const struct setting *s, const void *from, void *values);

void value_clear(const struct setting *s, void *values);

/* What is allowed, in words: "a duration from 1s to 1h".  New, freed by the caller. */
char *value_allowed(const struct setting *s);

/* Append the value as YAML, quoted where it has to be. */
void value_print(const struct setting *s, const void *values, struct buf *out);

/* The items that list s may have. */
size_t value_items_max(const struct setting *s);

/* Whether the field holds no value: a string that is NULL. */
bool value_is_unset(const struct setting *s, const void *values);

/* The struct at index i < tables->n. */
void *value_item(const struct setting *s, const struct setting_tables *tables, size_t i);

/* The default of a list of tables; in settings.c, for it is YAML. */
void value_set_initial_tables(const struct setting *s, void *values);

#endif
