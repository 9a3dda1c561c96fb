#include "cmd/table/plot_options.h"

#include <langinfo.h>

#include <clocale>
#include <string_view>
#include <utility>

namespace anonvma::cmd {
namespace {

using NamedCaches = std::vector<std::pair<std::string, std::optional<CacheIndex>>>;

NamedCaches caches_to_plot() {
  NamedCaches caches{{"sum", std::nullopt}};
  for (std::size_t c = 0; c < kAllCaches; ++c) {
    const auto cache = static_cast<CacheIndex>(c);
    caches.emplace_back(cache_name(cache), cache);
  }
  return caches;
}

bool locale_is_utf8() {
  return std::setlocale(LC_CTYPE, "") != nullptr &&
         std::string_view(nl_langinfo(CODESET)) == "UTF-8";
}

}  // namespace

void add_plot_options(const Subcommand& command, PlotRequest& request,
                      const std::vector<Option>& of_tables) {
  const Option plot =
      command.flag("--plot", request.plot, "Instead of a table: the bytes of all caches over time");
  for (const Option& other : of_tables) plot.excludes(other);
  command
      .choice<std::optional<CacheIndex>>(
          "--of", request.of, caches_to_plot(),
          "With --plot: the sum (default), or the objects of a cache")
      .needs(plot);
  command.flag("--ascii", request.ascii, "With --plot: no braille characters").needs(plot);
}

PlotOptions plot_options(const PlotRequest& request, const ScreenOptions& screen) {
  return {request.of, !request.ascii && locale_is_utf8(), screen_of(screen)};
}

}  // namespace anonvma::cmd
