// Elements of an SVG file without scripts and references, in light and dark.
#pragma once

#include <string>
#include <string_view>

namespace anonvma {

// Text from a file, for the inside of an element. Control characters become '?'.
std::string xml_text(std::string_view text);

class Svg {
 public:
  void rect(double x, double y, double width, double height, std::string_view style);
  void text(double x, double y, std::string_view text, std::string_view style,
            std::string_view title = {});
  void line(double x1, double y1, double x2, double y2, std::string_view style);
  // A curve that leaves and arrives horizontally.
  void curve(double x1, double y1, double x2, double y2, std::string_view style);
  // The whole file. `title` is read aloud by screen readers.
  std::string document(double width, double height, std::string_view title) const;

 private:
  std::string body_;
};

}  // namespace anonvma
