/* nearest.c: the name that a misspelt word was meant to be. */
#include <rankgrad/component.h>
#include <string.h>

enum { LONGEST = 64 };

/* Letters as they are compared: lower case (ASCII), '-' for '_'. */
static char plain(char letter)
{
    return letter == '_' ? '-'
                         : (char)(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
}

static bool starts_with(const char *text, const char *start, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (plain(text[i]) != plain(start[i]))
            return false;
    return true;
}

static bool contains(const char *text, const char *part)
{
    size_t n = strlen(part), length = strlen(text);
    for (size_t at = 0; at + n <= length; at++)
        if (starts_with(text + at, part, n))
            return true;
    return false;
}

static int least(int a, int b, int c)
{
    int d = a < b ? a : b;
    return d < c ? d : c;
}

/* The edit distance: letters to insert, delete, replace or swap with their neighbour. */
static int distance(const char *a, const char *b)
{
    int rows[3][LONGEST + 1];
    int n = (int)strlen(b);
    for (int j = 0; j <= n; j++)
        rows[0][j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int *row = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            bool same = plain(a[i - 1]) == plain(b[j - 1]);
            row[j] = least(last[j] + 1, row[j - 1] + 1, last[j - 1] + !same);
            if (i > 1 && j > 1 && plain(a[i - 1]) == plain(b[j - 2]) &&
                plain(a[i - 2]) == plain(b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1, row[j]);
        }
    }
    return rows[strlen(a) % 3][n];
}

const char *rg_nearest_name(const char *word, rg_name_at *name_at, const void *of, int n)
{
    const char *best = NULL, *start = NULL, *inside = NULL;
    size_t length = word ? strlen(word) : 0;
    int least_distance = length < 4 ? 2 : length < 9 ? 3 : 4;
    for (int i = 0; word && name_at && length < LONGEST && i < n; i++) {
        const char *name = name_at(of, i);
        if (!name)
            break;
        size_t size = strlen(name);
        if (size >= LONGEST)
            continue;
        int d = distance(word, name);
        if (d < least_distance && d < (int)size) {
            least_distance = d;
            best = name;
        }
        bool begins = length > size && starts_with(word, name, size) && plain(word[size]) == '-';
        if (begins || (length >= 3 && length <= size && starts_with(name, word, length)))
            start = name;
        if (!inside && length >= 4 && contains(name, word))
            inside = name;
    }
    return best ? best : start ? start : inside;
}
