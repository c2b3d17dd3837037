internal import Exposition
internal import SocketModel

/// What belongs to one network namespace; nil is the exporter's own.
protocol Namespaced {
  var namespace: String? { get }
}

extension InNamespace: Namespaced {}
extension ProcessSockets.Group: Namespaced {}
extension ProcessSockets.Holder: Namespaced {}

extension MetricWriter {
  /// Writes a family whose samples tell the network namespace of the element they are made of.
  mutating func write<Element: Namespaced>(
    _ family: MetricFamily, of elements: [Element],
    _ body: (inout FamilyWriter, Element) -> Void
  ) {
    write(family) { series in
      for element in elements {
        series.namespace = element.namespace
        body(&series, element)
      }
    }
  }
}
