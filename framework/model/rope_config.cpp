// SPDX-License-Identifier: Apache-2.0
#include "framework/model/rope_config.hpp"

#include <cmath>
#include <numbers>
#include <optional>
#include <string>

#include "framework/config/utf8.hpp"

namespace pare::framework::detail {
namespace {

constexpr double default_theta = 10000;

struct Llama3Ramp {
  double factor;
  double low_factor;
  double high_factor;
  double original_positions;

  double scale(double frequency) const {
    const double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength < original_positions / high_factor) return frequency;
    if (wavelength > original_positions / low_factor) return frequency / factor;
    const double smooth = (original_positions / wavelength - low_factor) / (high_factor - low_factor);
    return (1 - smooth) * frequency / factor + smooth * frequency;
  }
};

double positive(const ConfigObject& object, const std::string& key) {
  const double value = object.need(key, object.number(key));
  if (value <= 0) object.fail(key, "should be greater than 0");
  return value;
}

Llama3Ramp read_ramp(const ConfigObject& scaling, std::int64_t max_positions) {
  Llama3Ramp ramp{positive(scaling, "factor"), positive(scaling, "low_freq_factor"),
                  positive(scaling, "high_freq_factor"), static_cast<double>(max_positions)};
  if (scaling.has("original_max_position_embeddings")) {
    ramp.original_positions = positive(scaling, "original_max_position_embeddings");
  }
  if (ramp.high_factor <= ramp.low_factor) scaling.fail("high_freq_factor", "should be greater than low_freq_factor");
  return ramp;
}

}  // namespace

RopeFrequencies read_rope_frequencies(const ConfigObject& config, std::int64_t head_dim, std::int64_t max_positions) {
  const bool is_new = config.has("rope_parameters");
  const std::optional<ConfigObject> scaling = config.object(is_new ? "rope_parameters" : "rope_scaling");
  if (scaling && scaling->has_objects()) {
    config.fail(is_new ? "rope_parameters" : "rope_scaling",
                "rotary positions that differ between layers are not supported");
  }
  const ConfigObject& theta_place = is_new && scaling->has("rope_theta") ? *scaling : config;
  const double theta = theta_place.has("rope_theta") ? positive(theta_place, "rope_theta") : default_theta;
  for (const ConfigObject* place : {&config, scaling ? &*scaling : &config}) {
    if (place->number("partial_rotary_factor").value_or(1) != 1) {
      place->fail("partial_rotary_factor", "is not supported, all of a head must be rotated (1)");
    }
  }
  std::vector<double> frequencies(static_cast<std::size_t>(head_dim / 2));
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    frequencies[i] = std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
  }
  if (!scaling) return {theta, frequencies};

  const char* type_key = scaling->has("rope_type") || !scaling->has("type") ? "rope_type" : "type";
  const std::string type = scaling->text(type_key).value_or("default");
  if (type == "linear") {
    const double factor = positive(*scaling, "factor");
    for (double& frequency : frequencies) frequency /= factor;
  } else if (type == "llama3") {
    const Llama3Ramp ramp = read_ramp(*scaling, max_positions);
    for (double& frequency : frequencies) frequency = ramp.scale(frequency);
  } else if (type != "default") {
    scaling->fail(type_key, "'" + printable(type) + "' is not supported (supported: default, linear, llama3)");
  }
  return {theta, frequencies};
}

}  // namespace pare::framework::detail
