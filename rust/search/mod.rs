//! The search: the first solution in upstream's order, or the certainty that there is none.
//!
//! Depth first: claims in the order asked, requests in claim order, alternatives in listed order, devices in view
//! order; the deepest choice varies first. The call chain is a list of frames, so that no input is too deep. One step is
//! one entry into a place, exactly where upstream counts; the budget bounds them. Which devices are tried next, how one
//! is taken and how it is given back stand in one function each ([`Search::next_device`], [`Attempt::take`],
//! [`Attempt::give_back`]), so that pruning has one place to go. Start at [`Search::run`].

mod attempt;
mod prune;
mod values;

pub use attempt::{Attempt, Pick};

use attempt::{Taken, Try};
use prune::Tried;

use smallvec::SmallVec;

use crate::claim::key;
use crate::feasibility::prepare::MAX_RESULTS;
use crate::feasibility::view::View;
use crate::refute::Lookahead;

/// How a search ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The attempt holds the first solution.
    Found,
    /// There is no solution.
    Exhausted,
    /// Upstream fails with this text, which is fatal for the pod.
    Failed(String),
    /// The step budget is spent.
    OutOfSteps,
    /// The caller asked to stop.
    Interrupted,
}

/// Where the search is: the device wanted next.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    claim: usize,
    request: usize,
    alternative: usize,
    /// How many devices of the wish are taken already.
    device: usize,
    /// Whether the alternative is chosen already.
    is_chosen: bool,
    /// First candidate to look at; later devices of one wish come after earlier ones.
    start: usize,
}

/// What a place from which nothing was found answers to the one that entered it.
#[derive(Debug)]
enum Answer {
    /// Nothing fits from here on.
    Nothing,
    /// The claim's result would be too large, whatever is picked here.
    TooMany,
    Failed(String),
}

/// What waits for an answer.
#[derive(Debug)]
enum Frame {
    /// A claim is complete, the next ones are being tried.
    Claim,
    /// One of the alternatives of a request is being tried.
    Alternatives { place: Place, all_too_many: bool },
    /// A device of an `All` wish is taken.
    All { place: Place, taken: Taken },
    /// A candidate is taken.
    Candidate {
        place: Place,
        position: usize,
        taken: Taken,
        tried: Tried,
    },
}

enum Step {
    Enter(Place),
    Return(Answer),
    /// All claims are complete.
    Found,
}

/// A search on one node.
pub struct Search<'a, 'v> {
    view: &'v View<'a>,
    /// What is taken.
    pub attempt: &'v mut Attempt<'a>,
    /// Places entered so far.
    pub steps: u64,
    /// Claim and request that the search got to at the deepest.
    pub deepest: (usize, usize),
    stack: SmallVec<[Frame; 4]>,
    /// Where to go on; nothing once it has ended.
    next: Option<Step>,
    /// Cuts off what cannot lead to a solution, once asked for.
    lookahead: Option<Lookahead>,
}

/// Steps between two questions whether to stop.
const STEPS_PER_POLL: u64 = 1 << 12;

impl<'a, 'v> Search<'a, 'v> {
    /// A search that has not begun.
    pub fn new(view: &'v View<'a>, attempt: &'v mut Attempt<'a>) -> Self {
        Self {
            view,
            attempt,
            steps: 0,
            deepest: (0, 0),
            stack: SmallVec::new(),
            next: Some(Step::Enter(Place::default())),
            lookahead: None,
        }
    }

    /// Searches until there is an answer, the budget is spent, or `stop` says so. After the budget is spent it can go
    /// on with a larger one.
    pub fn run(&mut self, max_steps: u64, stop: &dyn Fn() -> bool) -> End {
        let mut polled = self.steps;
        let Some(mut step) = self.next.take() else {
            return End::Exhausted;
        };
        loop {
            step = match step {
                Step::Enter(_) if self.steps >= max_steps => {
                    self.next = Some(step);
                    return End::OutOfSteps;
                }
                Step::Enter(place) => {
                    self.steps += 1;
                    if self.steps - polled >= STEPS_PER_POLL {
                        polled = self.steps;
                        if stop() {
                            return End::Interrupted;
                        }
                    }
                    self.enter(place)
                }
                Step::Return(answer) => match self.stack.pop() {
                    Some(frame) => self.resume(frame, answer),
                    None => return end(answer),
                },
                Step::Found => {
                    self.keep_choices();
                    return End::Found;
                }
            };
        }
    }

    fn enter(&mut self, place: Place) -> Step {
        let Some(claim) = self.attempt.claims.get(place.claim) else {
            return Step::Found;
        };
        self.deepest = self.deepest.max((place.claim, place.request));
        let Some(request) = claim.requests.get(place.request) else {
            self.stack.push(Frame::Claim);
            return Step::Enter(Place {
                claim: place.claim + 1,
                ..Place::default()
            });
        };
        if request.has_alternatives && !place.is_chosen {
            let place = Place {
                alternative: 0,
                is_chosen: true,
                start: 0,
                ..place
            };
            self.stack.push(Frame::Alternatives {
                place,
                all_too_many: true,
            });
            return Step::Enter(place);
        }
        let wish = &request.wishes[place.alternative];
        if wish.wish.wants_all() && wish.all.is_empty() {
            return Step::Return(Answer::Nothing);
        }
        if place.device >= wish.devices {
            return Step::Enter(Place {
                claim: place.claim,
                request: place.request + 1,
                ..Place::default()
            });
        }
        if wish.devices - place.device > MAX_RESULTS - self.attempt.picks[place.claim].len() {
            return Step::Return(Answer::TooMany);
        }
        if wish.wish.wants_all() {
            self.take_of_all(place, wish.all[place.device])
        } else {
            self.next_device(place, place.start, Tried::default())
        }
    }

    /// Takes the next device of an `All` wish; there is no choice.
    fn take_of_all(&mut self, place: Place, device: usize) -> Step {
        let at = (place.claim, place.request, place.alternative);
        match self.attempt.take(self.view, at, device, true) {
            Err(error) => Step::Return(Answer::Failed(error)),
            Ok(Try::Refused) => Step::Return(Answer::Nothing),
            Ok(Try::Taken(taken)) => {
                self.stack.push(Frame::All { place, taken });
                Step::Enter(Place {
                    device: place.device + 1,
                    start: 0,
                    ..place
                })
            }
        }
    }

    /// Takes the first candidate from a position on that can be told from those tried in vain.
    fn next_device(&mut self, place: Place, from: usize, mut tried: Tried) -> Step {
        let at = (place.claim, place.request, place.alternative);
        let mut next = from;
        while let Some(position) = self.next_selectable(at, next) {
            next = position + 1;
            if tried.has_failed(position) {
                continue;
            }
            match self.try_device(at, position) {
                Err(error) => return Step::Return(Answer::Failed(error)),
                Ok(Try::Refused) => {}
                Ok(Try::Taken(taken)) if self.is_hopeless() => {
                    self.attempt.give_back(self.view, place.claim, taken);
                    self.note_failure(&mut tried, position);
                }
                Ok(Try::Taken(taken)) => {
                    self.stack.push(Frame::Candidate {
                        place,
                        position,
                        taken,
                        tried,
                    });
                    return Step::Enter(Place {
                        device: place.device + 1,
                        start: position + 1,
                        ..place
                    });
                }
            }
        }
        Step::Return(Answer::Nothing)
    }

    /// The first device from a position on that selectors are not known to refuse.
    fn next_selectable(
        &self,
        (claim, request, alternative): (usize, usize, usize),
        from: usize,
    ) -> Option<usize> {
        let wish = self.attempt.wish(claim, request, alternative);
        let next = from + self.attempt.selectors.refused(wish, from);
        (next < self.view.devices.len()).then_some(next)
    }

    /// Takes a candidate: in use, selectors and capacity are asked first, then everything else.
    fn try_device(&mut self, at: (usize, usize, usize), position: usize) -> Result<Try, String> {
        let (view, attempt) = (self.view, &mut self.attempt);
        let prepared = &attempt.claims[at.0];
        let wish = &prepared.requests[at.1].wishes[at.2];
        if attempt.is_in_use(view, at.0, wish.wish.is_admin(), position) {
            return Ok(Try::Refused);
        }
        if !attempt
            .selectors
            .is_selectable(view, prepared.claim, wish, position)?
        {
            return Ok(Try::Refused);
        }
        if view.features.consumable_capacity {
            let fits = attempt.has_capacity(view, at, position);
            if !fits.map_err(|error| {
                let id = view.devices[position].id();
                let prepared = &attempt.claims[at.0];
                let name = prepared.requests[at.1].wishes[at.2].wish.name;
                let claim = key(prepared.claim);
                format!("claim {claim}, request {name}: checking capacity for device {id}: {error}")
            })? {
                return Ok(Try::Refused);
            }
        }
        attempt.take(view, at, position, false)
    }

    fn resume(&mut self, frame: Frame, answer: Answer) -> Step {
        match frame {
            // A later claim that is too large fails here like any other; other alternatives before may help it.
            Frame::Claim => Step::Return(match answer {
                Answer::TooMany => Answer::Nothing,
                other => other,
            }),
            Frame::Alternatives {
                place,
                all_too_many,
            } => self.next_alternative(place, all_too_many, answer),
            Frame::All { place, taken } => {
                self.attempt.give_back(self.view, place.claim, taken);
                Step::Return(answer)
            }
            Frame::Candidate {
                place,
                position,
                taken,
                mut tried,
            } => {
                self.attempt.give_back(self.view, place.claim, taken);
                if !matches!(answer, Answer::Nothing) {
                    return Step::Return(answer);
                }
                self.note_failure(&mut tried, position);
                self.next_device(place, position + 1, tried)
            }
        }
    }

    /// Notes which alternatives have led to what was found.
    fn keep_choices(&mut self) {
        for frame in self.stack.drain(..) {
            if let Frame::Alternatives { place, .. } = frame {
                let request = &mut self.attempt.claims[place.claim].requests[place.request];
                request.chosen = place.alternative;
            }
        }
    }

    fn next_alternative(&mut self, place: Place, all_too_many: bool, answer: Answer) -> Step {
        let request = &self.attempt.claims[place.claim].requests[place.request];
        let all_too_many = match answer {
            Answer::TooMany => all_too_many,
            Answer::Nothing => false,
            Answer::Failed(_) => return Step::Return(answer),
        };
        let alternative = place.alternative + 1;
        if alternative < request.wishes.len() {
            let place = Place {
                alternative,
                ..place
            };
            self.stack.push(Frame::Alternatives {
                place,
                all_too_many,
            });
            return Step::Enter(place);
        }
        Step::Return(if all_too_many {
            Answer::TooMany
        } else {
            Answer::Nothing
        })
    }
}

fn end(answer: Answer) -> End {
    match answer {
        Answer::Nothing => End::Exhausted,
        Answer::TooMany => End::Failed("allocation max size exceeded".to_owned()),
        Answer::Failed(error) => End::Failed(error),
    }
}
