#include "config.h"
#include <math.h>
#include <stdio.h>

#include "common/tap.h"
#include "format.h"

/* What is listed here: one value of each kind. */
struct thing {
    const char *name;
    long long count;
    double time;
    bool flag;
    bool no_count; /* it is not known */
};

static void get_name (const void *item,
                      const char *n,
                      struct text *t,
                      struct format_value *v)
{
    const struct thing *thing = item;

    text_puts (t, thing->name);
    format_set_string (v, t->buf);
}

static void get_count (const void *item,
                       const char *n,
                       struct text *t,
                       struct format_value *v)
{
    const struct thing *thing = item;

    if (thing->no_count)
        format_set_string (v, "");
    else
        format_set_int (v, thing->count);
}

static void get_time (const void *item,
                      const char *n,
                      struct text *t,
                      struct format_value *v)
{
    format_set_real (v, ((const struct thing *)item)->time);
}

static void get_flag (const void *item,
                      const char *n,
                      struct text *t,
                      struct format_value *v)
{
    format_set_bool (v, ((const struct thing *)item)->flag);
}

static void get_any (const void *item,
                     const char *n,
                     struct text *t,
                     struct format_value *v)
{
    format_set_string (v, strchr (n, '.') + 1);
}

static void any_heading (const char *name, char *buf, size_t size)
{
    snprintf (buf, size, "<%s>", name);
}

static const struct format_field fields[] = {
    { "name", "NAME", get_name, "name" },
    { "count", "COUNT", get_count, "count" },
    { "time", NULL, get_time, "time" },
    { "flag", "F", get_flag, "flag" },
    { "any.*", NULL, get_any, "any" },
    { NULL, NULL, NULL, NULL },
};
static const struct format_source source = { fields, any_heading };

static const struct thing one = { "alpha", 42, 1.5, true, false };

/* The line that a format makes of an item; its error in brackets. */
static const char *line (const char *format, const struct thing *thing)
{
    static char buf[512];
    struct text t = TEXT_INIT;
    flux_error_t error;
    struct format *f = format_parse (format, &source, &error);

    if (!f || format_line (f, thing, &t, &error) < 0)
        snprintf (buf, sizeof (buf), "[%s]", error.text);
    else
        snprintf (buf, sizeof (buf), "%s", t.buf ? t.buf : "");
    text_fini (&t);
    format_free (f);
    return buf;
}

static const char *header (const char *format)
{
    static char buf[512];
    struct text t = TEXT_INIT;
    struct format *f = format_parse (format, &source, NULL);

    format_header (f, &t);
    snprintf (buf, sizeof (buf), "%s", t.buf ? t.buf : "");
    text_fini (&t);
    format_free (f);
    return buf;
}

static void text_and_fields (void)
{
    is (line ("{name} has {count}", &one), "alpha has 42", "fields stand among text");
    is (line ("no fields", &one), "no fields", "a format may have no field");
    is (line ("", &one), "", "or nothing");
    is (line ("{{{name}}}", &one), "{alpha}", "doubled braces are braces");
    is (line ("{time} {flag}", &one), "1.5 True",
        "reals and truth values are shown short");
    is (line ("{any.x.y}", &one), "x.y", "a field may stand for many names");
}

static void layouts (void)
{
    is (line ("{name:>8}|{name:<8}|{name:^8}|{name:8}", &one),
        "   alpha|alpha   | alpha  |alpha   ", "text is aligned, left by itself");
    is (line ("{name:.3}|{name:6.3}|{name:>4.2}", &one), "alp|alp   |  al",
        "precision cuts");
    is (line ("{name:.3+}|{name:.5+}|{name:>6.4+}", &one), "al+|alpha|  alp+",
        "and + marks what was cut");
    is (line ("{name:*^9}|{name:ƒ>7}", &one), "**alpha**|ƒƒalpha", "any character fills");
    is (line ("{count:5}|{count:<5}|{count:05}|{count:+d}|{count: d}", &one),
        "   42|42   |00042|+42| 42", "numbers go right, with zeros and signs");
    is (line ("{count:x}|{count:#X}|{count:o}|{count:b}", &one), "2a|0X2A|52|101010",
        "integers in other bases");
    is (line ("{time:6.2f}|{time:e}|{time:%}|{time:g}|{time:.3}", &one),
        "  1.50|1.500000e+00|150.000000%|1.5|1.5", "reals in all forms");
    is (line ("{flag:5}", &one), "    1", "a truth value with a width is a number");
}

static void signs_and_groups (void)
{
    struct thing t = { "", -1234567, -0.5, false, false };

    is (line ("{count:,}|{count:_}|{count:012}|{count:=10}", &t),
        "-1,234,567|-1_234_567|-00001234567|-  1234567",
        "groups, and fill after the sign");
    is (line ("{time:07.2f}|{time:+.1f}", &t), "-000.50|-0.5", "negative reals too");
    t.time = 1795258128.998946;
    is (line ("{time}", &t), "1795258128.998946", "a real keeps all its digits");
    t.time = INFINITY;
    is (line ("{time} {time!F}", &t), "inf inf", "infinity has a name");
}

static void conversions (void)
{
    struct thing t = { "x'y", 0, 0.0, false, true };

    setenv ("TZ", "UTC", 1);
    is (line ("{name!r} {name!s} {time!s:>6}", &t), "\"x'y\" x'y    0.0", "repr and str");
    is (line ("{time!F:>8}|{time!F:>8h}|{time!H:h}|{time:>5h}", &t),
        "      0s|       -|-|    -", "durations; h shows - for nothing");
    is (line ("{time!d}|{time!D}|{time!d:%H::>4h}|{time!d:%H::h}", &t), "||   -|-",
        "no time is empty");
    t.time = 1700000000.5;
    is (line ("{time!d}|{time!d:%b%d %R::>14}|{time!D}|{time!d:%H:%M}", &t),
        "2023-11-14T22:13:20|   Nov14 22:13|2023-11-14T22:13:20|22:13",
        "times by strftime");
    is (line ("{count!F}|{count!d:%F::>3h}|{count:h}", &t), "|  -|-",
        "what is empty stays empty");
    t.time = 0.25;
    is (line ("{time!P} {time!F}", &t), "25% 0.250s", "per cent");
}

static void unfit_layouts (void)
{
    struct thing t = { "n", 1, 1, false, true };

    is (line ("{name:d}", &one), "[Unknown format code 'd' for object of type 'str']",
        "text is no number");
    is (line ("{count:>6}", &t), "      ", "a number that is not known is empty text");
    is (line ("{count:>6d}", &t), "[Unknown format code 'd' for object of type 'str']",
        "which is no number either");
    is (line ("{count:s}", &one), "[Unknown format code 's' for object of type 'int']",
        "and a number is no text");
    is (line ("{count:.2}", &one), "[Precision not allowed in integer format specifier]",
        "an integer has no precision");
    is (line ("{name:garbage}", &one),
        "[Invalid format specifier 'garbage' for object of type 'str']",
        "garbage is refused");
    is (line ("{name!F}", &one), "[Conversion !F needs a number, not 'alpha']",
        "text has no duration");
    is (line ("{count!x}", &one), "[Unknown conversion specifier '!x']",
        "an unknown conversion is refused");
}

static void broken_formats (void)
{
    is (line ("{nosuch}", &one), "[Unknown format field: nosuch]",
        "an unknown field is named");
    is (line ("{}", &one), "[Unknown format field: ]", "even if it has no name");
    is (line ("{name", &one), "[expected '}' before end of string]", "an open brace");
    is (line ("name}", &one), "[Single '}' encountered in format string]",
        "a closing one");
    is (line ("x{", &one), "[Single '{' encountered in format string]", "and a last one");
    is (line ("{name!}", &one), "[end of string while looking for conversion specifier]",
        "a conversion without a letter");
    is (line ("{name!sx}", &one), "[expected ':' after conversion specifier]",
        "and one with two");
    is (line ("sort:nosuch {name}", &one), "[Invalid sort key: nosuch]", "a bad sort key");
}

static void headers (void)
{
    is (header ("{name:>8.8} {count:<6d} x {time!F:>8h}"), "    NAME COUNT  x     TIME",
        "headings keep align and width only");
    is (header ("{any.q:<9}|{name!r:2.1}"), "<any.q>  |NAME", "and are not cut");
    is (header ("{time!d:%b%d::>6}"), "  TIME", "!d has its layout after ::");
    is (header ("?:{name:>6} +:{count}"), "  NAME COUNT", "prefixes are not shown");
    is (header ("a: {name}: b"), "a: NAME: b", "a colon alone is no prefix");
}

/* The lines for all items, header first, joined by '|'. */
static const char *table (const char *format,
                          const struct thing *things,
                          size_t n,
                          bool head)
{
    static char buf[1024];
    struct format *f = format_parse (format, &source, NULL);
    const void *items[8];
    struct text t = TEXT_INIT;

    for (size_t i = 0; i < n; i++)
        items[i] = &things[i];
    format_sort (f, items, n);
    format_fit (f, items, n, head);
    if (head)
        format_header (f, &t);
    for (size_t i = 0; i < n; i++) {
        text_puts (&t, "|");
        format_line (f, items[i], &t, NULL);
    }
    snprintf (buf, sizeof (buf), "%s", t.buf ? t.buf : "");
    text_fini (&t);
    format_free (f);
    return buf;
}

static void columns_fit (void)
{
    struct thing t[] = { { "abcdefgh", 1, 0, false, true }, { "x", 2, 0, false, true } };

    is (table ("{flag:1} +:{name:<4}.", t, 2, true), "F NAME    .|0 abcdefgh.|0 x       .",
        "+: is as wide as the longest value");
    is (table ("+:{name:<4.4+}.", t, 2, true), "NAME    .|abcdefgh.|x       .",
        "and cuts nothing");
    is (table ("+:{count:>2h}", t, 2, true), "COUNT|    -|    -", "or as the heading");
    is (table ("+:{count:>2h}", t, 2, false), "| -| -", "if that is shown");
    is (table ("{flag} ?:{count:>5} {name}", t, 2, true),
        "F NAME|False abcdefgh|False x", "?: leaves out what is empty everywhere");
    is (table ("{flag} ?:{time!F:>5} {name}", t, 2, true),
        "F NAME|False abcdefgh|False x", "or zero");
    t[1].no_count = false;
    is (table ("{flag} ?:{count:>5} {name}", t, 2, true),
        "F COUNT NAME|False       abcdefgh|False     2 x", "but not what is there once");
    is (table ("?+:{count}", t, 2, true), "COUNT|     |    2", "?+: does both");
    is (table ("?:{count:>5} {name}", t, 0, true), " NAME", "no lines: nothing is there");
}

static void lines_are_sorted (void)
{
    struct thing t[] = {
        { "b", 2, 1, false, false }, { "10", 10, 1, true, false },
        { "a", 0, 2, false, true },  { "9", 3, 2, true, false },
        { "-", 4, 3, false, false },
    };

    is (table ("sort:name {name}", t, 5, false), "|-|9|10|a|b",
        "unset, then numbers, then text");
    is (table ("sort:-name {name}", t, 5, false), "|b|a|10|9|-", "- turns it round");
    is (table ("sort:count {name}", t, 5, false), "|a|b|9|-|10",
        "an empty number comes first");
    is (table ("sort:-flag,count {name}", t, 5, false), "|9|10|a|b|-",
        "a second key decides");
    is (table ("sort:-time {name}", t, 5, false), "|-|a|9|b|10",
        "equals keep their order");
    is (table ("{name}", t, 5, false), "|b|10|a|9|-", "no key, no order");
}

static void note_needs (const struct format_field *field, void *arg)
{
    strcat (arg, field->needs);
    strcat (arg, ".");
}

static void keys_can_be_replaced (void)
{
    struct format *f = format_parse ("sort:name {time}", &source, NULL);
    char needs[64] = "";
    flux_error_t error;

    ok (format_sort_by (f, "-count,flag", &error) == 0, "sort keys can be given apart");
    format_fields (f, note_needs, needs);
    is (needs, "time.count.flag.", "they count among the fields, the old ones do not");
    ok (format_sort_by (f, "bad", &error) < 0, "a bad one is refused");
    is (error.text, "Invalid sort key: bad", "by name");
    format_free (f);
}

int main (void)
{
    text_and_fields ();
    layouts ();
    signs_and_groups ();
    conversions ();
    unfit_layouts ();
    broken_formats ();
    headers ();
    columns_fit ();
    lines_are_sorted ();
    keys_can_be_replaced ();
    return done_testing ();
}
