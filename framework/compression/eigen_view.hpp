// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>

#include "kernels/core/matrix_view.hpp"

/// Eigen's eyes on our row-major matrices. Private to this room: no public header includes it.

namespace pare::framework {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using RowMajorMap = Eigen::Map<RowMajor, Eigen::Unaligned, Eigen::OuterStride<>>;
using ConstRowMajorMap = Eigen::Map<const RowMajor, Eigen::Unaligned, Eigen::OuterStride<>>;

inline RowMajorMap eigen_view(kernels::MatrixView<double> view) {
  return {view.data, view.rows, view.cols, Eigen::OuterStride<>(view.stride)};
}

inline ConstRowMajorMap eigen_view(kernels::MatrixView<const double> view) {
  return {view.data, view.rows, view.cols, Eigen::OuterStride<>(view.stride)};
}

}  // namespace pare::framework
