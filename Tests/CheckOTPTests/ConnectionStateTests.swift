import OTPEngine
import Testing

@testable import CheckOTP

/// One connection's life as a transcript.
struct ConnectionStateTests {
    private func idle() -> ConnectionState {
        var state = ConnectionState()
        state.connected(securing: false)
        return state
    }

    @Test func beforeItIsReadyAFailureIsOneToOpen() {
        var state = ConnectionState()
        #expect(state.failed(.connect) == .failOpening(.connect))
        #expect(state.failed(.closed) == .ignore)
        state = ConnectionState()
        state.connected(securing: true)
        state.flushed()
        var hung = state
        #expect(state.failed(.closed) == .failOpening(.tls))
        #expect(hung.failed(.connectTimeout) == .failOpening(.connectTimeout))
        #expect(hung.secured() == false)
    }

    @Test func anExchange() {
        var state = idle()
        state.asked()
        state.flushed()
        #expect(state.bytesArrived() == .parse)
        state.answered(reusable: true)
        #expect(state.released() == true)
        #expect(state.failed(.closed) == .vanish)
        #expect(state.isClosed)
    }

    @Test func aRequestThatWasNotFlushedWasNotSent() {
        var state = idle()
        // An earlier flush, such as that of a handshake, is not the request's.
        state.flushed()
        state.asked()
        #expect(state.failed(.closed) == .end(.notSent(.closed)))
        state = idle()
        state.asked()
        state.flushed()
        #expect(state.failed(.closed) == .end(.unknown(.closed)))
    }

    @Test func bytesBeforeTheRequestLeftAreNoAnswer() {
        var state = idle()
        #expect(state.bytesArrived() == .fail(.malformedResponse))
        state.asked()
        #expect(state.bytesArrived() == .fail(.malformedResponse))
        #expect(state.failed(.malformedResponse) == .end(.notSent(.malformedResponse)))
    }

    @Test func anAnswerStandsWhateverBecomesOfTheConnection() {
        var state = idle()
        state.asked()
        state.flushed()
        state.answered(reusable: true)
        var extended = state
        #expect(state.failed(.closed) == .keepAnswer)
        #expect(state.released() == nil)
        #expect(extended.bytesArrived() == .ignore)
        #expect(extended.released() == false)
    }
}
