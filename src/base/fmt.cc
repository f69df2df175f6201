// What of fmt is no template, compiled here once. Debian ships it as a shared library, which the
// static busker-runner cannot use, or as headers alone, which cost each file 5 seconds.
#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE
namespace detail {
// What fmt/format.h declares as extern templates, as far as there is use for it.
template FMT_API auto thousands_sep_impl(locale_ref) -> thousands_sep_result<char>;
template FMT_API auto decimal_point_impl(locale_ref) -> char;
}  // namespace detail
FMT_END_NAMESPACE
