/* ids.c: which texts may be document and query ids. */
#include "data/ids.h"

#include <rankgrad/data.h>

#include <string.h>

/* Decodes the UTF-8 sequence at `at`; returns its length, 0 when it is not valid (RFC 3629: no
 * overlong forms, no surrogates, nothing beyond U+10FFFF). */
static size_t decode(const unsigned char *at, size_t n, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80             ? 1
                    : (at[0] & 0xE0) == 0xC0 ? 2
                    : (at[0] & 0xF0) == 0xE0 ? 3
                    : (at[0] & 0xF8) == 0xF0 ? 4
                                             : 0;
    if (length == 0 || length > n)
        return 0;
    *code = length == 1 ? at[0] : at[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0;
        *code = *code << 6 | (at[i] & 0x3Fu);
    }
    bool valid = *code >= least[length] && *code <= 0x10FFFF && (*code < 0xD800 || *code > 0xDFFF);
    return valid ? length : 0;
}

/* Control characters (C0, DEL, C1) and the line and paragraph separators. */
static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029;
}

/* White space that is not a control character. */
static bool is_blank(uint32_t code)
{
    return code == ' ' || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) ||
           code == 0x202F || code == 0x205F || code == 0x3000;
}

const char *rg__id_error(const char *id, size_t n, bool blanks)
{
    for (size_t i = 0, length; i < n; i += length) {
        uint32_t code;
        length = decode((const unsigned char *)id + i, n - i, &code);
        if (length == 0)
            return "is not valid UTF-8";
        if (is_control(code))
            return "has a control character or line separator";
        if (!blanks && is_blank(code))
            return "has a blank";
    }
    return NULL;
}

bool rg_id_is_valid(const char *id, bool blanks)
{
    return id && !rg__id_error(id, strlen(id), blanks);
}

struct rg__quoted_id rg__quote_id(const char *id, size_t n)
{
    struct rg__quoted_id quoted;
    const size_t most = sizeof quoted.text - sizeof "\"...\"";
    char *to = quoted.text;
    *to++ = '"';
    for (size_t i = 0; i < n && i < most; i++)
        *to++ = (char)(id[i] >= ' ' && id[i] <= '~' ? id[i] : '?');
    strcpy(to, n > most ? "...\"" : "\"");
    return quoted;
}

rg_status rg__check_ids(rg_context *ctx, const char *where, const char *name, const char *unit,
                        const char *const *ids, int64_t n)
{
    for (int64_t i = 0; ids && i < n; i++) {
        size_t length = ids[i] ? strlen(ids[i]) : 0;
        const char *error = length > 0 ? rg__id_error(ids[i], length, true) : NULL;
        if (error)
            return rg__fail(ctx, RG_BAD_DATA,
                            "%s: %s: %s %lld (from 1): the id %s %s; expected UTF-8 text without "
                            "control characters",
                            where, name, unit, (long long)i + 1, rg__quote_id(ids[i], length).text,
                            error);
    }
    return RG_OK;
}
