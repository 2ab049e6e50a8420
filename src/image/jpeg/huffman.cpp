#include "huffman.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

namespace bw::image::jpeg {
namespace {

std::vector<int> unlimited_code_lengths(const std::vector<long>& weights) {
    using Node = std::pair<long, std::size_t>;  // weight and number; the leaves have the first numbers
    std::priority_queue<Node, std::vector<Node>, std::greater<>> roots;
    for (std::size_t i = 0; i < weights.size(); ++i) roots.emplace(weights[i], i);
    std::vector<std::size_t> parent(2 * weights.size() - 1);
    for (std::size_t joint = weights.size(); joint < parent.size(); ++joint) {
        long weight = 0;
        for (int child = 0; child < 2; ++child) {
            weight += roots.top().first;
            parent[roots.top().second] = joint;
            roots.pop();
        }
        roots.emplace(weight, joint);
    }
    std::vector<int> depth(parent.size());
    for (std::size_t i = depth.size() - 1; i-- > 0;) depth[i] = depth[parent[i]] + 1;
    depth.resize(weights.size());
    return depth;
}

}  // namespace

std::vector<int> code_lengths(std::vector<long> weights, int longest) {
    auto lengths = unlimited_code_lengths(weights);
    while (*std::max_element(lengths.begin(), lengths.end()) > longest) {
        // Flatter weights make a flatter tree; when all are 1 it is as flat as can be.
        for (auto& weight : weights) weight = (weight + 1) / 2;
        lengths = unlimited_code_lengths(weights);
    }
    return lengths;
}

}  // namespace bw::image::jpeg
