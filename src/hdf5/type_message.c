/* type_message.c: whether the description of a type ends where its message does, and each of its
 * parts with it. libhdf5 1.10.8 reads names of members and whole types beyond the end.
 *
 *   type: class and version (4 bits each), class bits (3 bytes), bytes of an element (4); then by
 *         class: numbers their fields, an opaque its tag, others types, names and values
 *
 * Names are filled up to 8 bytes before version 3. (HDF5 File Format Specification 3.0, IV.A.2.d.)
 */
#include "hdf5/private.h"

#include <string.h>

enum { MOST_LEVELS = 16, HEAD = 8 };

enum class { COMPOUND = 6, ENUMERATION = 8, VARIABLE = 9, ARRAY = 10 };

/* What is left of the message. */
struct rest {
    const unsigned char *at, *end;
};

static bool skip(struct rest *r, size_t size)
{
    if (size > (size_t)(r->end - r->at))
        return false;
    r->at += size;
    return true;
}

static bool skip_name(struct rest *r, int version)
{
    const unsigned char *end = memchr(r->at, '\0', (size_t)(r->end - r->at));
    if (!end)
        return false;
    size_t size = (size_t)(end - r->at) + 1;
    return skip(r, version < 3 ? (size + 7) / 8 * 8 : size);
}

static bool skip_type(struct rest *r, int level);

/* Of a compound: its name, its offset (in version 3 in as few bytes as the whole needs), in version
 * 1 its dimensions, its type. */
static bool skip_member(struct rest *r, int version, uint64_t size, int level)
{
    size_t width = 4;
    if (version >= 3)
        for (width = 1; width < 4 && size >> (8 * width) != 0; width++)
            ;
    return skip_name(r, version) && skip(r, version == 1 ? 32 : width) && skip_type(r, level + 1);
}

static bool skip_members(struct rest *r, int version, int class, const unsigned char *head,
                         int level)
{
    uint64_t n = rg__h5_number(head + 1, 2), size = rg__h5_number(head + 4, 4);
    bool fits = class != ENUMERATION || skip_type(r, level + 1);
    for (uint64_t i = 0; i < n && fits; i++)
        fits = class == ENUMERATION ? skip_name(r, version) : skip_member(r, version, size, level);
    return fits && (class != ENUMERATION || skip(r, (size_t)(n * size))); /* the values */
}

static bool skip_array(struct rest *r, int version, int level)
{
    size_t rank = r->at < r->end ? *r->at : 0;
    return skip(r, version < 3 ? 4 + 8 * rank : 1 + 4 * rank) && skip_type(r, level + 1);
}

static bool skip_type(struct rest *r, int level)
{
    static const size_t fields[] = {4, 12, 2, 0, 4, 0, 0, 0, 0, 0, 0}; /* of each class */
    const unsigned char *head = r->at;
    if (level > MOST_LEVELS || !skip(r, HEAD))
        return false;
    int class = head[0] & 15, version = head[0] >> 4;
    if (class >= RG__COUNT(fields) || version < 1 || version > 3)
        return false;
    if (class == COMPOUND || class == ENUMERATION)
        return skip_members(r, version, class, head, level);
    if (class == ARRAY)
        return skip_array(r, version, level);
    if (class == VARIABLE)
        return skip_type(r, level + 1);
    return skip(r, class == 5 ? head[1] : fields[class]); /* an opaque has its tag */
}

int64_t rg__h5_type_extent(const unsigned char *bytes, size_t size)
{
    struct rest r = {bytes, bytes + size};
    return skip_type(&r, 0) ? r.at - bytes : -1;
}
