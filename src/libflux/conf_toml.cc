/* conf_toml.cc - TOML to JSON; the only file in C++ (conf_toml.h says why).
 *
 * No exception leaves it.
 */

#include <cstdio>
#include <cstring>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <toml++/toml.h>

#include "conf_toml.h"

namespace {

/* What TOML can say and JSON cannot. */
struct no_json : std::runtime_error {
    int line;

    no_json (const toml::node &node, const char *what)
        : std::runtime_error (what), line (static_cast<int> (node.source ().begin.line))
    {
    }
};

json_t *need (json_t *o)
{
    if (!o)
        throw std::bad_alloc ();
    return o;
}

json_t *to_json (const toml::node &node);

json_t *from_table (const toml::table &table)
{
    json_t *o = need (json_object ());

    try {
        for (auto &&[key, value] : table) {
            std::string name (key.str ());

            if (name.find ('\0') != std::string::npos)
                throw no_json (value, "a key must not contain NUL");
            if (json_object_set_new (o, name.c_str (), to_json (value)) < 0)
                throw std::bad_alloc ();
        }
    }
    catch (...) {
        json_decref (o);
        throw;
    }
    return o;
}

json_t *from_array (const toml::array &array)
{
    json_t *o = need (json_array ());

    try {
        for (auto &&value : array) {
            if (json_array_append_new (o, to_json (value)) < 0)
                throw std::bad_alloc ();
        }
    }
    catch (...) {
        json_decref (o);
        throw;
    }
    return o;
}

json_t *from_real (const toml::node &node, double value)
{
    json_t *o = json_real (value);

    if (!o)
        throw no_json (node, "a number must be finite");
    return o;
}

template <class T> json_t *from_time (const T &value)
{
    std::ostringstream s;

    s << value;
    return need (json_pack ("{s:s}", "iso-8601-ts", s.str ().c_str ()));
}

json_t *to_json (const toml::node &node)
{
    if (auto *v = node.as_table ())
        return from_table (*v);
    if (auto *v = node.as_array ())
        return from_array (*v);
    if (auto *v = node.as_string ())
        return need (json_stringn (v->get ().data (), v->get ().size ()));
    if (auto *v = node.as_integer ())
        return need (json_integer (v->get ()));
    if (auto *v = node.as_floating_point ())
        return from_real (node, v->get ());
    if (auto *v = node.as_boolean ())
        return need (json_boolean (v->get ()));
    if (auto *v = node.as_date ())
        return from_time (v->get ());
    if (auto *v = node.as_time ())
        return from_time (v->get ());
    if (auto *v = node.as_date_time ())
        return from_time (v->get ());
    throw no_json (node, "value of an unknown type");
}

void explain (struct conf_toml_error *error, int line, std::string_view text)
{
    error->line = line;
    std::snprintf (error->text,
                   sizeof (error->text),
                   "%.*s",
                   static_cast<int> (text.size ()),
                   text.data ());
}

json_t *read (const char *text, size_t len, struct conf_toml_error *error)
{
    try {
        return to_json (toml::parse (std::string_view (text, len)));
    }
    catch (const toml::parse_error &e) {
        explain (error, static_cast<int> (e.source ().begin.line), e.description ());
    }
    catch (const no_json &e) {
        explain (error, e.line, e.what ());
    }
    catch (const std::exception &e) {
        explain (error, 0, e.what ());
    }
    return nullptr;
}

} // namespace

extern "C" {
extern const conf_toml_f conf_toml_reader;
const conf_toml_f conf_toml_reader = read;
}
