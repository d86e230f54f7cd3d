/* start.c: linked with every library that the program rankgrad is linked with, and does nothing.
 * What it takes to start is what a start takes at least. */
int main(void)
{
    return 0;
}
