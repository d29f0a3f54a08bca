// SPDX-License-Identifier: Apache-2.0
#include "kernels/prune/sparse_layout.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <vector>

#include "kernels/core/parallel.hpp"
#include "kernels/quantize/codes.hpp"
#include "kernels/quantize/packed_row.hpp"

namespace pare::kernels {
namespace {

constexpr std::int64_t rows_per_part = 4;
constexpr std::int64_t values_per_part = 4096;  // a multiple of 8: parts begin at whole bytes

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

std::int64_t places_per_row(const SparseLayout& layout) {
  const SparsityPattern& pattern = layout.pattern;
  return pattern.of == 0 ? layout.cols : layout.cols / pattern.of * pattern.kept;
}

/// Where the values of each row begin, and at the end their number, from the number of kept weights of each row.
std::vector<std::int64_t> starts(std::vector<std::int64_t> counts) {
  counts.insert(counts.begin(), 0);
  std::partial_sum(counts.begin(), counts.end(), counts.begin());
  return counts;
}

void check_count(const SparseLayout& layout, std::int64_t r, std::int64_t count) {
  if (layout.pattern.of == 0 && layout.pattern.compare == SparsityPattern::Compare::layer) return;
  const std::int64_t expected = layout.kept / layout.rows;
  VALIDATE(count == expected, "row ", r, " of a sparse matrix keeps ", count, " weights, its pattern keeps ", expected);
}

void check_total(const SparseLayout& layout, std::int64_t total) {
  VALIDATE(total == layout.kept, "a sparse matrix keeps ", total, " weights, its pattern keeps ", layout.kept);
}

/// The entries of `places` of one row; returns how many weights it keeps.
std::int64_t find_places(const SparseLayout& layout, const std::uint8_t* keep, std::int64_t r,
                         std::vector<std::uint8_t>& places) {
  const SparsityPattern& pattern = layout.pattern;
  places.clear();
  if (pattern.of == 0) {
    std::int64_t count = 0;
    for (std::int64_t c = 0; c < layout.cols; ++c) {
      places.push_back(keep[c] != 0);
      count += keep[c] != 0;
    }
    check_count(layout, r, count);
    return count;
  }
  for (std::int64_t first = 0; first < layout.cols; first += pattern.of) {
    const std::size_t before = places.size();
    for (int i = 0; i < pattern.of; ++i) {
      if (keep[first + i] != 0) places.push_back(static_cast<std::uint8_t>(i));
    }
    VALIDATE(places.size() - before == static_cast<std::size_t>(pattern.kept), "row ", r, " keeps ",
             places.size() - before, " weights from column ", first, " on, its pattern is ", pattern.kept, ":",
             pattern.of);
  }
  return static_cast<std::int64_t>(places.size());
}

/// Writes `places` of every row; returns where each row's values begin.
std::vector<std::int64_t> pack_places(const SparseLayout& layout, MatrixView<const std::uint8_t> keep,
                                      std::span<std::byte> packed) {
  EXPECT(keep.rows == layout.rows && keep.cols == layout.cols, keep.rows, " x ", keep.cols);
  EXPECT(static_cast<std::int64_t>(packed.size()) == layout.total_bytes, packed.size(), " != ", layout.total_bytes);
  std::vector<std::int64_t> counts(index(layout.rows));
  parallel_for(layout.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint8_t> places;
    for (std::int64_t r = begin; r < end; ++r) {
      counts[index(r)] = find_places(layout, keep.row(r), r, places);
      pack_codes(layout.place_bits, places.data(), static_cast<std::int64_t>(places.size()),
                 packed.data() + layout.places_offset + r * layout.places_row_bytes);
    }
  });
  std::vector<std::int64_t> first = starts(std::move(counts));
  check_total(layout, first.back());
  return first;
}

void pack_grids(const SparseLayout& layout, std::int64_t r, std::span<const GroupGrid> grids,
                std::span<std::byte> packed) {
  write_grids(*layout.grid, r, grids, layout.zeros_offset, layout.zeros_row_bytes, packed);
}

/// The codes of all kept weights as one stream.
void pack_values(const SparseLayout& layout, const std::vector<std::uint8_t>& values, std::span<std::byte> packed) {
  const int bits = layout.grid->bits;
  parallel_for(layout.kept, values_per_part, [&](std::int64_t begin, std::int64_t end) {
    pack_codes(bits, values.data() + begin, end - begin, packed.data() + layout.values_offset + begin / 8 * bits);
  });
}

/// The nearest grids and codes of one row whose removed weights are 0.
void round_row(const SparseLayout& layout, const float* row, std::int64_t r, GroupGrid* grids, std::uint8_t* codes) {
  for (std::int64_t g = 0; g < layout.groups; ++g) {
    const std::int64_t first = g * layout.group_size();
    const std::int64_t count = std::min(layout.group_size(), layout.cols - first);
    grids[g] = min_max_grid(range_of_group(row + first, count), *layout.grid, r, first);
    round_group(row + first, count, grids[g], layout.grid->bits, codes + first);
  }
}

/// Reads what `places` of one row say into 1 (kept) and 0; returns how many are kept.
std::int64_t read_places(const SparseLayout& layout, std::span<const std::byte> packed, std::int64_t r,
                         std::vector<std::uint8_t>& places, std::uint8_t* keep) {
  const SparsityPattern& pattern = layout.pattern;
  const std::int64_t entries = places_per_row(layout);
  const std::byte* row = packed.data() + layout.places_offset + r * layout.places_row_bytes;
  if (pattern.of == 0) {
    unpack_codes(1, row, entries, keep);
    const std::int64_t count = std::accumulate(keep, keep + layout.cols, std::int64_t{0});
    check_count(layout, r, count);
    return count;
  }
  places.resize(index(entries));
  unpack_codes(layout.place_bits, row, entries, places.data());
  std::fill_n(keep, layout.cols, std::uint8_t{0});
  for (std::int64_t i = 0; i < entries; ++i) {
    const int place = places[index(i)];
    const bool ascending = i % pattern.kept == 0 || place > places[index(i - 1)];
    VALIDATE(place < pattern.of && ascending, "entry ", i, " of row ", r, " of a sparse matrix is ", place,
             ", places must ascend and lie below ", pattern.of);
    keep[i / pattern.kept * pattern.of + place] = 1;
  }
  return entries;
}

/// Codes [begin, end) of the stream of values. Eight codes are whole bytes, so it begins with the eight that hold the
/// first; returns where in `codes` that one is.
const std::uint8_t* read_values(const SparseLayout& layout, std::span<const std::byte> packed, std::int64_t begin,
                                std::int64_t end, std::vector<std::uint8_t>& codes) {
  const std::int64_t first = begin / 8 * 8;
  codes.resize(index(end - first) + 1);
  unpack_codes(layout.grid->bits, packed.data() + layout.values_offset + first / 8 * layout.grid->bits, end - first,
               codes.data());
  return codes.data() + (begin - first);
}

void expand_codes(const SparseLayout& layout, std::span<const std::byte> packed, std::int64_t r,
                  const std::uint8_t* keep, const std::uint8_t* codes, float* out) {
  std::vector<std::uint8_t> zeros(index(layout.groups), static_cast<std::uint8_t>(1 << (layout.grid->bits - 1)));
  if (!layout.grid->symmetric) {
    unpack_codes(layout.grid->bits, packed.data() + layout.zeros_offset + r * layout.zeros_row_bytes, layout.groups,
                 zeros.data());
  }
  for (std::int64_t g = 0; g < layout.groups; ++g) {
    GroupGrid group{{0}, zeros[index(g)]};
    std::memcpy(&group.scale, packed.data() + (r * layout.groups + g) * 2, 2);
    const std::int64_t end = std::min(layout.cols, (g + 1) * layout.group_size());
    for (std::int64_t c = g * layout.group_size(); c < end; ++c) {
      out[c] = keep[c] != 0 ? value_of(*codes++, group) : 0.0f;
    }
  }
}

}  // namespace

SparseLayout sparse_layout(const SparsityPattern& pattern, const std::optional<Grid>& grid, std::int64_t rows,
                           std::int64_t cols) {
  SparseLayout layout;
  layout.pattern = pattern;
  layout.grid = grid;
  layout.rows = rows;
  layout.cols = cols;
  layout.kept = kept_weights(pattern, rows, cols);
  if (grid) {
    const PackedLayout dense = packed_layout(*grid, rows, cols);
    layout.groups = dense.groups;
    layout.zeros_row_bytes = dense.zeros_row_bytes;
    layout.zeros_offset = dense.zeros_offset;
    layout.places_offset = dense.codes_offset;
  }
  layout.place_bits = pattern.of == 0 ? 1 : std::bit_width(static_cast<unsigned>(pattern.of - 1));
  layout.places_row_bytes = (places_per_row(layout) * layout.place_bits + 7) / 8;
  layout.values_offset = layout.places_offset + rows * layout.places_row_bytes;
  layout.total_bytes = layout.values_offset + (layout.kept * (grid ? grid->bits : 16) + 7) / 8;
  return layout;
}

void pack_sparse(const SparseLayout& layout, MatrixView<const std::uint8_t> keep, MatrixView<const float> weight,
                 std::span<std::byte> packed) {
  EXPECT(weight.rows == layout.rows && weight.cols == layout.cols, weight.rows, " x ", weight.cols);
  const std::vector<std::int64_t> first = pack_places(layout, keep, packed);
  std::vector<std::uint8_t> values(layout.grid ? index(layout.kept) : 0);
  parallel_for(layout.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> row(index(layout.cols));
    std::vector<std::uint8_t> codes(index(layout.cols));
    std::vector<GroupGrid> grids(index(layout.groups));
    for (std::int64_t r = begin; r < end; ++r) {
      require_finite_row(weight, r);
      for (std::int64_t c = 0; c < layout.cols; ++c) row[index(c)] = keep.row(r)[c] != 0 ? weight.row(r)[c] : 0.0f;
      if (layout.grid) {
        round_row(layout, row.data(), r, grids.data(), codes.data());
        pack_grids(layout, r, grids, packed);
      }
      std::int64_t at = first[index(r)];
      for (std::int64_t c = 0; c < layout.cols; ++c) {
        if (keep.row(r)[c] == 0) continue;
        if (layout.grid) {
          values[index(at)] = codes[index(c)];
        } else {
          const BFloat16 value = to_bfloat16(row[index(c)]);
          std::memcpy(packed.data() + layout.values_offset + 2 * at, &value, 2);
        }
        ++at;
      }
    }
  });
  if (layout.grid) pack_values(layout, values, packed);
}

void pack_sparse_codes(const SparseLayout& layout, MatrixView<const std::uint8_t> keep,
                       MatrixView<const std::uint8_t> codes, MatrixView<const GroupGrid> grids,
                       std::span<std::byte> packed) {
  EXPECT(layout.grid.has_value(), "codes need a grid");
  EXPECT(codes.rows == layout.rows && codes.cols == layout.cols, codes.rows, " x ", codes.cols);
  EXPECT(grids.rows == layout.rows && grids.cols == layout.groups, grids.rows, " x ", grids.cols);
  const std::vector<std::int64_t> first = pack_places(layout, keep, packed);
  std::vector<std::uint8_t> values(index(layout.kept));
  parallel_for(layout.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      pack_grids(layout, r, {grids.row(r), index(layout.groups)}, packed);
      std::int64_t at = first[index(r)];
      for (std::int64_t c = 0; c < layout.cols; ++c) {
        if (keep.row(r)[c] != 0) values[index(at++)] = codes.row(r)[c];
      }
    }
  });
  pack_values(layout, values, packed);
}

void expand_sparse(const SparseLayout& layout, std::span<const std::byte> packed, MatrixView<float> out) {
  VALIDATE(static_cast<std::int64_t>(packed.size()) == layout.total_bytes, "a packed sparse ", layout.rows, " x ",
           layout.cols, " matrix has ", packed.size(), " bytes, it must have ", layout.total_bytes);
  EXPECT(out.rows == layout.rows && out.cols == layout.cols, out.rows, " x ", out.cols);
  Matrix<std::uint8_t> keep(layout.rows, layout.cols);
  std::vector<std::int64_t> counts(index(layout.rows));
  parallel_for(layout.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint8_t> places;
    for (std::int64_t r = begin; r < end; ++r) counts[index(r)] = read_places(layout, packed, r, places, keep.row(r));
  });
  const std::vector<std::int64_t> first = starts(std::move(counts));
  check_total(layout, first.back());
  parallel_for(layout.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint8_t> codes;
    for (std::int64_t r = begin; r < end; ++r) {
      if (layout.grid) {
        const std::uint8_t* values = read_values(layout, packed, first[index(r)], first[index(r + 1)], codes);
        expand_codes(layout, packed, r, keep.row(r), values, out.row(r));
        continue;
      }
      const std::byte* values = packed.data() + layout.values_offset + 2 * first[index(r)];
      for (std::int64_t c = 0; c < layout.cols; ++c) {
        BFloat16 value{0};
        if (keep.row(r)[c] != 0) {
          std::memcpy(&value, values, 2);
          values += 2;
        }
        out.row(r)[c] = to_float(value);
      }
    }
  });
}

}  // namespace pare::kernels
