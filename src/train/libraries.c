/* libraries.c: the versions of the libraries in use, as they report them at run time. This part may
 * include all others. */
#include "hdf5/h5.h"
#include "tensor/blas_threads.h"

#include <jansson.h>
#include <stdio.h>
#include <xxhash.h>
#include <zlib.h>

bool rg_library_version(int i, char *text, size_t size)
{
    unsigned xxhash = XXH_versionNumber(); /* 801 is 0.8.1 */
    if (!text || size == 0)
        return false;
    text[0] = '\0';
    switch (i) {
    case 0: snprintf(text, size, "%s", rg__blas_version()); return true;
    case 1: rg__h5_version(text, size); return true;
    case 2: snprintf(text, size, "jansson %s", jansson_version_str()); return true;
    case 3:
        snprintf(text, size, "xxHash %u.%u.%u", xxhash / 10000, xxhash / 100 % 100, xxhash % 100);
        return true;
    case 4: snprintf(text, size, "zlib %s", zlibVersion()); return true;
    default: return false;
    }
}
