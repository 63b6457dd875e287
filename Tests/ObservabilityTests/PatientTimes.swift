import OTPObservability

extension AdminServer.Times {
    /// For tests, whose threads wait for one another.
    static var patient: AdminServer.Times {
        var times = AdminServer.Times()
        times.request = .seconds(50)
        times.page = .seconds(50)
        return times
    }
}
